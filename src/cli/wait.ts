import { AccessRefusedError, ReadyTimeoutError } from '../errors.ts'
import { masters, replicas } from '../topology/topology.ts'
import type { Run } from './commands.ts'
import { EXIT } from './exit-code.ts'
import type { ExitCode } from './exit-code.ts'
import { openManager } from './open-manager.ts'
import { countOf, timeOf } from './parse-arguments.ts'
import { shownError } from './shown.ts'
import { readTarget } from './target.ts'
import { UsageError } from './usage-error.ts'
import { wordTime } from './words.ts'

const REFRESH_DELAY_MS = 250
const TIMEOUT_MS = 30_000

/** `hasql wait`: until enough hosts are ready. */
export const wait: Run = async (given, io) => {
  const mastersCount = countOf(given, 'masters') ?? 1
  const replicasCount = countOf(given, 'replicas') ?? 0
  const timeoutMs = timeOf(given, 'timeout') ?? TIMEOUT_MS
  const target = await readTarget(given, io)
  const hostCount = target.dsn.hosts.length
  if (mastersCount + replicasCount > hostCount) {
    throw new UsageError(`${mastersCount} + ${replicasCount} hosts are to be ready, but the DSN has ${hostCount}`)
  }
  const { manager } = await openManager(target, REFRESH_DELAY_MS, io)
  const startedMs = io.clock.nowMs()
  const interrupted = new Promise<'interrupted'>((resolve) => io.onStop(() => resolve('interrupted')))
  const ready = manager.ready({ mastersCount, replicasCount, timeoutMs }).then(
    () => undefined,
    (error: unknown) => error,
  )
  try {
    const outcome = await first(ready, interrupted)
    if (outcome === 'interrupted') return EXIT.interrupted
    if (outcome !== undefined) {
      io.err.write(`hasql: ${shownError(outcome)}\n`)
      return codeOf(outcome, masters(manager.topology).length < mastersCount)
    }
    const names = (hosts: readonly { readonly hostId: string }[]): string =>
      hosts.map(({ hostId }) => hostId).join(', ')
    const after = wordTime(io.clock.nowMs() - startedMs)
    const found = [
      `master ${names(masters(manager.topology)) || '-'}`,
      `replicas ${names(replicas(manager.topology)) || '-'}`,
    ]
    if (!given.switches.has('quiet')) io.out.write(`ready after ${after}: ${found.join(', ')}\n`)
    return EXIT.ok
  } finally {
    await manager.terminate()
  }
}

function codeOf(error: unknown, lacksMaster: boolean): ExitCode {
  if (error instanceof AccessRefusedError) return EXIT.accessRefused
  if (error instanceof ReadyTimeoutError) return lacksMaster ? EXIT.noMaster : EXIT.hostOut
  throw error
}

/** Whichever settles first; the other is left to settle when it does. */
function first<T, U>(one: Promise<T>, other: Promise<U>): Promise<T | U> {
  return new Promise((resolve, reject) => {
    one.then(resolve, reject)
    other.then(resolve, reject)
  })
}
