import { ask } from '../frame/database.ts'

/** What a fresh connection to a port reaches: the look that an endpoint's scenarios are measured by. */
export function endpointOn(port: number): { leadsTo(): Promise<number | undefined> } {
  return {
    leadsTo: async () => {
      const sql = "select current_setting('port')::int as port where not pg_is_in_recovery()"
      const rows = await ask<{ port: number }>({ port }, sql, { timeoutMs: 3_000 }).catch(() => [])
      return rows[0]?.port
    },
  }
}
