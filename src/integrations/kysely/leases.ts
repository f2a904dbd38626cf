import type { PgConnection, PoolManager } from '../../drivers/pg.ts'
import { OptionsError } from '../../errors.ts'
import type { ReplicaOptions } from '../../manager/acquire-options.ts'
import { requestCancel } from '../pg/cancel.ts'
import type { CancelledClient } from '../pg/cancel.ts'

/** Which host a statement needs. */
export type Role = 'master' | 'replica'

/** What `pg-cursor` exports, as far as it is used. */
export type CursorClass = new (sql: string, values: unknown[]) => Cursor

/** A `pg-cursor`. */
export interface Cursor {
  submit(connection: object): void
  read<R>(rows: number): Promise<R[]>
  close(): Promise<void>
}

/** How the values of a result are read: `types` of a `pg` query. */
export interface TypeParsers {
  getTypeParser(oid: number, format?: string): (value: string) => unknown
}

/** A statement as `pg` takes it. */
export interface Statement {
  readonly text: string
  readonly values: unknown[]
  readonly types?: TypeParsers
}

export interface StatementResult<R> {
  readonly command: string
  readonly rowCount: number | null
  readonly rows: R[]
}

/** The client of a lease, as far as it is used. */
export interface LeasedClient extends CancelledClient, TypeParsers {
  query<R>(statement: Statement): Promise<StatementResult<R>>
  query<T extends Cursor>(cursor: T): T
  release(destroy?: boolean): void
}

/** Where connections come from, and how what runs on one is called off. */
export interface LeaseSource<C extends LeasedClient = LeasedClient> {
  lease(role: Role, signal: AbortSignal | undefined): Promise<C>
  /** Never rejects. Answers whether the server took the request. */
  cancel(client: C): Promise<boolean>
}

/** How a host for a read is chosen, and how long any lease may take; by default as the manager was told. */
export type ReadOptions = Pick<
  ReplicaOptions,
  'fallbackMaster' | 'masterAsReplicaWeight' | 'maxLagMs' | 'maxLagBytes' | 'timeoutMs'
>

export const READ_KEYS: readonly (keyof ReadOptions)[] = [
  'fallbackMaster',
  'masterAsReplicaWeight',
  'maxLagMs',
  'maxLagBytes',
  'timeoutMs',
]

/** A server that does not even take a cancel request in this time is about to be found lost. */
const CANCEL_TIMEOUT_MS = 2_000

/** Leases of a pool manager. @throws {OptionsError} it is none. */
export function leasesOf(db: PoolManager, reads: ReadOptions = {}): LeaseSource<PgConnection & LeasedClient> {
  if (!isManager(db)) {
    throw new OptionsError('db', "db must be the pool manager: new PoolManager(dsn) of 'hasql/pg'")
  }
  const { timeoutMs } = reads
  const writes = timeoutMs === undefined ? {} : { timeoutMs }
  return {
    lease: (role, signal) => {
      const waits = signal === undefined ? {} : { signal }
      if (role === 'replica') return db.acquireReplica({ ...reads, ...waits })
      return db.acquireMaster({ ...writes, ...waits })
    },
    cancel: async (client) => {
      try {
        await requestCancel(client, db.pools, CANCEL_TIMEOUT_MS)
        return true
      } catch {
        // The statement goes on to its end, or to that of its host.
        return false
      }
    },
  }
}

function isManager(db: unknown): boolean {
  return typeof db === 'object' && db !== null && 'acquireMaster' in db && 'pools' in db
}
