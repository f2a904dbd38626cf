import type { Call } from '../call.ts'
import type { World } from '../world.ts'

/** A timer counts whole milliseconds. */
const SLACK_MS = 2

/**
 * I5: every acquire settles by its deadline; one turn later when the event loop had stood still.
 * I11, first half: it fails before its deadline only when it was aborted, the manager closes, hosts refuse us by
 * configuration, or the write that was to be seen may be lost; running out of time is reported at the deadline, not before.
 */
export function checkDeadlines(world: World): void {
  const open = new Set<Call>()
  let nextMs = Infinity
  world.announcer.on('called', (call) => {
    open.add(call)
    nextMs = Math.min(nextMs, call.deadlineMs)
  })
  world.announcer.on('step', () => {
    if (world.loop.nowMs() <= nextMs + SLACK_MS || !world.loop.isSettled) return
    nextMs = Infinity
    for (const call of open) {
      if (call.isSettled) open.delete(call)
      else if (world.loop.nowMs() <= call.deadlineMs + SLACK_MS) nextMs = Math.min(nextMs, call.deadlineMs)
      else world.violated('I5', `call ${call.id} is still pending, its deadline was ${call.deadlineMs.toFixed(1)}`)
    }
  })
  const mayRefuse = world.scenario.faults.some(({ kind }) => kind === 'access')
  world.announcer.on('rejected', (call, error) => {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    const isDue =
      (code === 'ERR_HASQL_ACQUIRE_TIMEOUT' && world.loop.nowMs() >= call.deadlineMs) ||
      (code === 'ERR_HASQL_ABORTED' && call.isAborted) ||
      (code === 'ERR_HASQL_CLOSED' && world.db.closing) ||
      (code === 'ERR_HASQL_ACCESS_REFUSED' && mayRefuse) ||
      (code === 'ERR_HASQL_TOKEN_UNREACHABLE' && call.after !== undefined)
    const text = `call ${call.id} failed, its deadline was ${call.deadlineMs.toFixed(1)}: ${String(error)}`
    if (!isDue) world.violated('I11', text)
    else if (call.mustSucceed && code !== 'ERR_HASQL_CLOSED')
      world.violated('I11', `after everything was healed ${text}`)
  })
}
