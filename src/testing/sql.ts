import { Socket } from 'node:net'
import type { Client } from 'pg'
import { PgClusterError } from './pg-cluster-error.ts'

/** One row of an answer, by column. */
export type SqlRow = Record<string, unknown>

/** Where a server's socket is, and whom to be. */
export interface SqlAddress {
  readonly name: string
  readonly socketFolder: string
  readonly port: number
  readonly database: string
}

/** One connection as superuser over the server's socket. */
export interface SqlSession {
  query<Row extends SqlRow = SqlRow>(sql: string, params?: readonly unknown[]): Promise<Row[]>
}

async function importClient(): Promise<typeof Client> {
  try {
    return (await import('pg')).Client
  } catch (cause) {
    const text =
      'hasql/testing talks to its servers through "pg", which is not installed. Run "npm install --save-dev pg"'
    throw new PgClusterError('ERR_HASQL_TESTING_MISSING_PACKAGE', text, { cause })
  }
}

/**
 * Opens a connection for the length of `work`; all of it together may take `timeoutMs`.
 * The socket is our own, so that a server that says nothing any more cannot hold us.
 */
export async function withSession<T>(
  address: SqlAddress,
  timeoutMs: number,
  work: (session: SqlSession) => Promise<T>,
): Promise<T> {
  const PgClient = await importClient()
  const socket = new Socket()
  const client = new PgClient({
    host: address.socketFolder,
    port: address.port,
    user: 'postgres',
    database: address.database,
    application_name: 'hasql-testing',
    stream: () => socket,
  })
  client.on('error', () => undefined)
  const deadline = new AbortController()
  const timer = setTimeout(() => {
    deadline.abort()
    socket.destroy(new Error('too late'))
  }, timeoutMs)
  try {
    await client.connect()
    return await work({
      query: async <Row extends SqlRow>(sql: string, params: readonly unknown[] = []) =>
        (await client.query<Row>(sql, [...params])).rows,
    })
  } catch (cause) {
    if (!deadline.signal.aborted) throw cause
    const text = `${address.name} did not answer within ${timeoutMs} ms`
    throw new PgClusterError('ERR_HASQL_TESTING_TIMEOUT', text, { cause })
  } finally {
    clearTimeout(timer)
    client.end().catch(() => undefined)
    socket.destroySoon()
  }
}
