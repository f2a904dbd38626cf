import { Socket } from 'node:net'
import { Client } from 'pg'
import { APP_PASSWORD, APP_USER, DATABASE } from '../frame/stack.ts'

/** Who connects, and to what. */
export interface Account {
  readonly name: string
  readonly password: string
  readonly database: string
}

export type Row = Readonly<Record<string, unknown>>

/** The application's own account. */
export const APPLICATION: Account = { name: APP_USER, password: APP_PASSWORD, database: DATABASE }

/** Runs one statement on a connection of its own to a pooler; one that has not answered by the limit is left without a socket. */
export async function runThrough(
  port: number,
  account: Account,
  sql: string,
  limitMs: number,
): Promise<readonly Row[]> {
  const { name: user, password, database } = account
  const socket = new Socket()
  const client = new Client({ host: '127.0.0.1', port, user, password, database, stream: () => socket })
  client.on('error', () => undefined)
  const timer = setTimeout(() => socket.destroy(new Error(`No answer to ${sql} within ${limitMs} ms`)), limitMs)
  try {
    await client.connect()
    return (await client.query<Record<string, unknown>>(sql)).rows
  } finally {
    clearTimeout(timer)
    client.end().catch(() => undefined)
    socket.destroySoon()
  }
}
