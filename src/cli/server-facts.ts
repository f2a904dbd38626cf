import type { Driver, ProbeConnection } from '../driver/driver.ts'
import type { HostId } from '../dsn/host-spec.ts'

/** What a server says of itself beyond its role. */
export interface ServerFacts {
  /** For example `17.5`. */
  readonly version: string
  /** When the server was started, as it says: ISO 8601, UTC. */
  readonly startedAt: string
  /** For how long it has been up, by its own clock. */
  readonly upSeconds: number
}

/** The same on every version, for everybody. */
const FACTS_QUERY = `select pg_catalog.split_part(pg_catalog.current_setting('server_version'), ' ', 1),
  pg_catalog.to_char(pg_catalog.pg_postmaster_start_time() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
  extract(epoch from pg_catalog.clock_timestamp() operator(pg_catalog.-) pg_catalog.pg_postmaster_start_time())::bigint::pg_catalog.text`

/** The driver, noting what each server says when a connection for checks is made: one more round trip for each. */
export function notingFacts<TConnection, TPool>(
  driver: Driver<TConnection, TPool>,
  facts: Map<HostId, ServerFacts>,
): Driver<TConnection, TPool> {
  return {
    ...driver,
    openProbe(spec, options) {
      const probe = driver.openProbe(spec, options)
      let isNoted = false
      return {
        get isLoggedIn() {
          return probe.isLoggedIn
        },
        destroy: () => probe.destroy(),
        async query(sql) {
          if (!isNoted) {
            isNoted = true
            const noted = await askFacts(probe)
            if (noted !== undefined) facts.set(spec.hostId, noted)
          }
          return probe.query(sql)
        },
      }
    },
  }
}

/** Undefined when it fails: if that was the connection, the next query says so. */
async function askFacts(probe: ProbeConnection): Promise<ServerFacts | undefined> {
  try {
    const [version, startedAt, up] = await probe.query(FACTS_QUERY)
    return { version: version ?? '?', startedAt: startedAt ?? '?', upSeconds: Number(up) }
  } catch {
    return undefined
  }
}
