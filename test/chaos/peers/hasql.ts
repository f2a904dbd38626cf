import { PoolManager } from 'hasql/pg'
import type { PgConnection } from 'hasql/pg'
import { READ_STATEMENT, writeStatement } from './rival.ts'
import type { Rival, Target } from './rival.ts'

/** hasql, with or without its retry. */
export function hasqlRival(retry: boolean): (target: Target) => Rival {
  return ({ places, user, password, database }) => {
    const hosts = places.map(({ host, port }) => `${host}:${port}`).join(',')
    const db = new PoolManager(`postgresql://${user}:${encodeURIComponent(password)}@${hosts}/${database}`)
    const ask = (statement: string) => async (connection: PgConnection) =>
      (await connection.query<{ server: number }>(statement)).rows[0]?.server ?? NaN
    return {
      write: (id) => db.withMaster(ask(writeStatement(id)), { retry }),
      read: () => db.withReplica(ask(READ_STATEMENT), { fallbackMaster: true, retry }),
      close: () => db.close({ timeoutMs: 500 }),
    }
  }
}
