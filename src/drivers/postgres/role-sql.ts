import type postgres from 'postgres'
import type { PostgresConnection } from './postgres-connection.ts'
import { isSql } from './leased-sql.ts'
import type { Listener } from './listener.ts'
import type { NativeSql } from './native.ts'
import type { SlotSource } from './pool-sql.ts'
import { poolSql } from './pool-sql.ts'
import { PostgresPool } from './pool.ts'
import { Slot } from './slot.ts'

/** Where the connections of a role come from: the manager. */
export interface RoleSource {
  /** The driver's pool of a host that has the role now, if there is one; nothing waits. */
  choose(): object | undefined
  /** Leases a connection of a host that has the role. */
  lease(granted: (connection: PostgresConnection) => void, failed: (error: Error) => void): void
}

/** The connections of a role, for an `sql` or a listener. */
export function slotsOf(source: RoleSource): SlotSource {
  return {
    // The role is looked at for each statement anew. What waits, waits as an acquire does.
    share: (query) => {
      const pool = source.choose()
      return pool instanceof PostgresPool && pool.share(query)
    },
    lease: (granted, failed) => source.lease((connection) => granted(Slot.of(connection)), failed),
  }
}

/** An `sql` whose statements go to hosts that have a role at that moment. */
export function roleSql(name: string, template: NativeSql, source: RoleSource, listener: Listener): postgres.Sql {
  const sql = poolSql(template, slotsOf(source), {
    name,
    listen: (channel, told, listening) => listener.listen(channel, told, listening),
    parameters: () => {
      const pool = source.choose()
      return pool instanceof PostgresPool ? pool.parameters : {}
    },
    ended: () => Promise.resolve(),
  })
  if (isSql(sql)) return sql
  throw new TypeError('This is no sql')
}
