import type { Socket } from 'node:net'
import { systemClock } from '../../time/system-clock.ts'
import type { Milliseconds } from '../../time/milliseconds.ts'
import { dial } from './dial.ts'
import type { Route } from './dial.ts'

/** The number and the key of a session, by which its server lets others cancel what it runs. */
export interface SessionKey {
  readonly pid: number
  readonly secret: number
}

/**
 * Asks the server of a session to cancel what that runs (CancelRequest; PostgreSQL documentation, "Canceling Requests in
 * Progress"). Resolves when the server has taken notice, or could not be reached in time: there is no other answer.
 */
export async function sendCancel(route: Route, { pid, secret }: SessionKey, limitMs: Milliseconds): Promise<void> {
  const request = Buffer.alloc(16)
  for (const [place, value] of [16, 80_877_102, pid, secret].entries()) request.writeUInt32BE(value >>> 0, place * 4)
  await new Promise<void>((resolve) => {
    let last: Socket | undefined
    const timer = systemClock.setTimer(limitMs, () => last?.destroy(), 'nothing')
    const began = (socket: Socket): void => {
      last = socket
      socket.on('error', () => undefined)
      socket.on('close', () => {
        timer.cancel()
        resolve()
      })
    }
    dial(route, began).then(
      (socket) => void socket.end(request).resume(),
      () => {
        if (last === undefined) resolve()
        else last.destroy()
      },
    )
  })
}
