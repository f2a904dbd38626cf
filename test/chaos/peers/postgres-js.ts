import postgres from 'postgres'
import { READ_STATEMENT, writeStatement } from './rival.ts'
import type { Rival, Target } from './rival.ts'

/** postgres.js with its own way of several hosts: one pool that looks for a server of the right kind as it connects. */
export function postgresJsRival({ places, user, password, database }: Target): Rival {
  const hosts = places.map(({ host, port }) => `${host}:${port}`).join(',')
  const url = `postgres://${user}:${encodeURIComponent(password)}@${hosts}/${database}`
  const master = postgres(url, { target_session_attrs: 'read-write' })
  const replica = postgres(url, { target_session_attrs: 'prefer-standby' })
  const ask = async (sql: postgres.Sql, statement: string): Promise<number> =>
    (await sql.unsafe<{ server: number }[]>(statement))[0]?.server ?? NaN
  return {
    write: (id) => ask(master, writeStatement(id)),
    read: () => ask(replica, READ_STATEMENT),
    close: async () => {
      await Promise.all([master.end({ timeout: 0 }), replica.end({ timeout: 0 })])
    },
  }
}
