import type { Dsn } from '../dsn/dsn.ts'
import { hostIdOf } from '../dsn/host-id.ts'
import type { HostSpec } from '../dsn/host-spec.ts'
import { parseDsn } from '../dsn/parse.ts'
import type { DsnInput } from '../dsn/parse.ts'
import { OptionsError } from '../errors.ts'
import { oneOfKeys } from './check-option.ts'

/**
 * Where the checks of the hosts go, when not where the connections of the pools go: past a pooler, to PostgreSQL itself.
 *
 * ```ts
 * new PoolManager('postgresql://app:secret@db1,db2:6432/app', { probe: { port: 5432 } })
 * ```
 * Either `dsn` alone, or `port`, `database`, or both. See docs/poolers.md.
 */
export interface ProbeTarget {
  /** The port of every host for checks; or a list with one for each host, in the order of the DSN. Default: the pools' own. */
  readonly port?: number | readonly number[]
  /** The database that checks connect to. Default: the pools' own. */
  readonly database?: string
  /**
   * A connection string for the checks alone, with as many hosts as the manager's, in the same order. Its user, password,
   * database and TLS settings apply, and those of `poolOptions` do not.
   */
  readonly dsn?: DsnInput
}

/** `ProbeTarget`, checked. */
export interface ResolvedProbe {
  readonly port: number | readonly number[] | undefined
  readonly database: string | undefined
  readonly dsn: Dsn | undefined
}

/** How the checks of one host connect. */
export interface ProbeRoute {
  readonly spec: HostSpec
  /** Whether the user, the password and TLS are those of the probe's own connection string. */
  readonly hasOwnCredentials: boolean
}

/**
 * Reads the option `probe`; undefined when checks go where connections go.
 * @throws {OptionsError} something in it is unknown or out of range. @throws {DsnError} its `dsn` cannot be read.
 */
export function probeOption(given: ProbeTarget | undefined): ResolvedProbe | undefined {
  if (given === undefined) return undefined
  oneOfKeys('probe', given, ['port', 'database', 'dsn'])
  const { port, database, dsn } = given
  if (dsn !== undefined && (port !== undefined || database !== undefined)) {
    throw new OptionsError('probe', 'probe.dsn comes alone: it says the port and the database itself')
  }
  if (database !== undefined && (typeof database !== 'string' || database === '')) {
    throw new OptionsError('probe', 'probe.database must be the name of a database')
  }
  return Object.freeze({
    port: port === undefined ? undefined : checkedPorts(port),
    database,
    dsn: dsn === undefined ? undefined : parseDsn(dsn),
  })
}

function checkedPorts(given: number | readonly number[]): number | readonly number[] {
  const ports: readonly unknown[] = Array.isArray(given) ? given : [given]
  for (const port of ports) {
    const isPort = typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65_535
    if (!isPort) throw new OptionsError('probe', 'probe.port must be a whole number from 1 to 65535, or a list of them')
  }
  return typeof given === 'number' ? given : Object.freeze([...given])
}

/**
 * How the checks of each host of a DSN connect.
 * @throws {OptionsError} `probe` names another number of hosts or ports than the DSN.
 */
export function probeRoutes({ hosts }: Dsn, probe: ResolvedProbe | undefined): (spec: HostSpec) => ProbeRoute {
  const { port, database, dsn } = probe ?? {}
  if (dsn !== undefined) refuseOtherCount('probe.dsn', 'hosts', dsn.hosts.length, hosts.length)
  if (typeof port === 'object') refuseOtherCount('probe.port', 'ports', port.length, hosts.length)
  const others = new Map(
    hosts.map((spec, place) => {
      const to = {
        port: (typeof port === 'object' ? port[place] : port) ?? spec.port,
        database: database ?? spec.database,
      }
      const changed: HostSpec = Object.freeze({ ...spec, ...to, hostId: hostIdOf(spec.host, to.port) })
      return [spec.hostId, dsn?.hosts[place] ?? changed]
    }),
  )
  return (spec) => ({
    spec: (probe === undefined ? undefined : others.get(spec.hostId)) ?? spec,
    hasOwnCredentials: dsn !== undefined,
  })
}

function refuseOtherCount(where: string, what: string, count: number, wanted: number): void {
  if (count === wanted) return
  throw new OptionsError(
    'probe',
    `${where} has ${count} ${what}, but the DSN has ${wanted} hosts: one for each, in the same order`,
  )
}
