import type { Attributes } from '@opentelemetry/api'
import type { HostId } from '../../dsn/host-spec.ts'
import type { ManagerMetrics } from '../manager-metrics.ts'

interface ObservedHost {
  readonly hostId: HostId
  readonly host: string
  readonly port: number
}

type Off = () => void

/** What is used of a pool manager: every one has it. */
export interface ObservedManager {
  readonly dsn: { readonly database: string; readonly hosts: readonly ObservedHost[] }
  readonly pools: readonly unknown[]
  metrics(): ManagerMetrics
  on(event: 'acquire', listener: (record: { host: HostId; waitedMs: number; hostWaitMs: number }) => void): Off
  on(event: 'release', listener: (record: { host: HostId; usedMs: number }) => void): Off
  on(event: 'connect', listener: (record: { host: HostId; tookMs: number }) => void): Off
}

/** The attributes of one manager's metrics and spans, made once. */
export class Names {
  /** Of what is said of a manager as a whole. */
  readonly manager: Attributes
  /** Of each pool, in the order of the connection string. */
  readonly pools: ReadonlyMap<string, Attributes>
  /** Of spans that tell of a host. */
  readonly servers: ReadonlyMap<string, Attributes>
  readonly database: string

  /** `name` tells several managers of one process apart. */
  constructor({ dsn: { database, hosts } }: ObservedManager, name: string | undefined) {
    this.database = database
    this.manager = { 'db.namespace': database, ...(name === undefined ? {} : { 'hasql.manager': name }) }
    const prefix = name === undefined ? '' : `${name}/`
    // As the conventions have it, and instrumentation-pg.
    this.pools = new Map(
      hosts.map(({ hostId, host, port }) => [
        hostId,
        { 'db.client.connection.pool.name': `${prefix}${host}:${port}/${database}` },
      ]),
    )
    this.servers = new Map(
      hosts.map(({ hostId, host, port }) => [hostId, { 'server.address': host, 'server.port': port }]),
    )
  }
}
