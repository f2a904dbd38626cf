import Cursor from 'pg-cursor'
import type { PoolManager } from 'hasql/pg'
import type { Opened, Subject } from './support/library.ts'
import { integrationSuite } from './support/suite.ts'

const PORT = "select current_setting('port')::int as port"

interface WithPort {
  readonly port: number
}

/** `pg` through the pools of the two roles, and through leases where a session is needed. */
async function open({ db }: Opened): Promise<Subject> {
  const { masterPool, replicaPool } = db
  return {
    read: async () => portOf(await replicaPool.query<WithPort>(PORT)),
    write: async (id) => portOf(await masterPool.query<WithPort>('insert into story values ($1) returning port', [id])),
    transaction: (id, failure) => transaction(db, id, failure),
    stream: () => stream(db),
    cancel: (sql, signal) => cancel(db, sql, signal),
    close: async () => {
      await Promise.all([masterPool.end(), replicaPool.end()])
    },
  }
}

async function transaction(db: PoolManager, id: number, failure?: Error): Promise<void> {
  const client = await db.masterPool.connect()
  try {
    await client.query('begin')
    await client.query('insert into story values ($1)', [id])
    if (failure !== undefined) throw failure
    await client.query('insert into story values ($1)', [-id])
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
}

async function stream(db: PoolManager): Promise<number> {
  const client = await db.replicaPool.connect()
  try {
    const cursor = client.query(new Cursor('select n from generate_series(1, 1000) n'))
    let rows = 0
    for (let read = await cursor.read(100); read.length > 0; read = await cursor.read(100)) rows += read.length
    return rows
  } finally {
    client.release()
  }
}

async function cancel(db: PoolManager, sql: string, signal: AbortSignal): Promise<void> {
  const client = await db.masterPool.connect()
  try {
    const [row] = (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows
    signal.addEventListener('abort', () => void db.masterPool.query('select pg_cancel_backend($1)', [row?.pid]))
    await client.query(sql)
  } finally {
    client.release()
  }
}

function portOf({ rows: [row] }: { readonly rows: readonly WithPort[] }): number {
  return row?.port ?? 0
}

integrationSuite({ name: 'pg', package: 'pg', open })
