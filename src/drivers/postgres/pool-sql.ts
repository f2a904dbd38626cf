import type { NativeQuery, NativeSql } from './native.ts'
import { callOff } from './call-off.ts'
import { connectionError } from './session-error.ts'
import type { Slot } from './slot.ts'
import { sqlOn } from './sql.ts'
import { textAndWork } from './transaction.ts'

/** Where an `sql` of many connections gets one. */
export interface SlotSource {
  /** Sends a single statement at once, if there is a connection for it. May throw. */
  share(query: NativeQuery): boolean
  /** Leases a connection; calls back once, perhaps in the same turn. */
  lease(granted: (slot: Slot) => void, failed: (error: unknown) => void): void
}

/** What an `sql` of many connections does beside queries and transactions. */
export interface PoolParts {
  /** Whose connections they are, for errors. */
  readonly name: string
  readonly listen: (channel: string, told: (payload: string) => void, listening?: () => void) => Promise<unknown>
  /** What the servers have told of their settings. */
  readonly parameters: () => unknown
  /** It was ended; its connections are not. */
  readonly ended: () => Promise<void>
}

/** An `sql` whose single statements go to connections that they share, and whose transactions have one to themselves. */
export function poolSql(template: NativeSql, source: SlotSource, parts: PoolParts): object {
  let ending: Promise<void> | undefined
  const lease = (): Promise<Slot> =>
    new Promise((resolve, reject) => {
      if (ending === undefined) source.lease(resolve, reject)
      else reject(connectionError('CONNECTION_ENDED', parts.name))
    })
  const run = (query: NativeQuery): void => {
    if (ending !== undefined) return query.reject(connectionError('CONNECTION_ENDED', parts.name))
    if (query.cancelled === true) return
    // While data is copied nothing else can be sent.
    if (query.streaming === true) return runAlone(source, query)
    try {
      if (!source.share(query)) runLater(source, query)
    } catch (error) {
      query.reject(error)
    }
  }
  const sql = sqlOn(
    template,
    { run, cancel: callOff },
    {
      begin: async (first: unknown, second: unknown) => {
        const { text = '', work } = textAndWork(first, second)
        const slot = await lease()
        try {
          return await slot.begin(text, work)
        } finally {
          slot.native.release()
        }
      },
      reserve: async () => (await lease()).native,
      listen: parts.listen,
      end: () => (ending ??= parts.ended()),
    },
  )
  return Object.defineProperty(sql, 'parameters', { get: parts.parameters, enumerable: true })
}

/** Gets a connection first, and lets others share it at once. */
function runLater(source: SlotSource, query: NativeQuery): void {
  source.lease(
    (slot) => {
      slot.share(query)
      slot.native.release()
    },
    (error) => query.reject(error),
  )
}

/** The connection is given back when everything was copied, or the copying has failed. */
function runAlone(source: SlotSource, query: NativeQuery): void {
  source.lease(
    (slot) => {
      slot.run(query)
      const release = (): void => slot.native.release()
      if (slot.pending === 0) release()
      else slot.onDone = release
    },
    (error) => query.reject(error),
  )
}
