import { classifyError } from '../../../src/driver/classify-error.ts'
import type {
  Driver,
  DriverPoolHooks,
  Phase,
  PoolOptions,
  ProbeConnection,
  ProbeOptions,
} from '../../../src/driver/driver.ts'
import type { HostSpec } from '../../../src/dsn/host-spec.ts'
import type { HostFault } from '../../../src/host-fault.ts'
import { IDENTITY_QUERY } from '../../../src/monitor/role-query.ts'
import { FakeError } from '../../support/fake/fake-error.ts'
import type { Row } from '../../support/fake/fake-link.ts'
import type { FleetClient } from './fleet-connection.ts'
import { FleetPool } from './fleet-pool.ts'
import type { FleetServer } from './fleet-server.ts'
import { FleetSession } from './fleet-session.ts'

/** The driver of one process of the fleet. */
export class FleetDriver implements Driver<FleetClient, FleetPool> {
  readonly name = 'fleet'
  readonly #servers: ReadonlyMap<string, FleetServer>
  readonly #capacity: number

  constructor(servers: readonly FleetServer[], capacity: number) {
    this.#servers = new Map(servers.map((server) => [server.hostId, server]))
    this.#capacity = capacity
  }

  openPool({ hostId }: HostSpec, options: PoolOptions, hooks: DriverPoolHooks<FleetClient>): FleetPool {
    return new FleetPool(this.#server(hostId), this.#capacity, options, hooks)
  }

  openProbe({ hostId }: HostSpec, options: ProbeOptions): ProbeConnection {
    return new FleetProbe(this.#server(hostId), options)
  }

  classify(error: unknown, phase: Phase): HostFault | undefined {
    return classifyError(error, phase)
  }

  #server(hostId: string): FleetServer {
    const server = this.#servers.get(hostId)
    if (server === undefined) throw new RangeError(`there is no model of ${hostId}`)
    return server
  }
}

class FleetProbe implements ProbeConnection {
  readonly #server: FleetServer
  readonly #options: ProbeOptions
  #session: FleetSession | undefined
  #isAsking = false
  isLoggedIn = false

  constructor(server: FleetServer, options: ProbeOptions) {
    this.#server = server
    this.#options = options
  }

  async query(sql: string): Promise<Row> {
    // The question about the identity comes with a new connection, and is one probe together with the one that follows.
    if (sql !== IDENTITY_QUERY) this.#server.probes.count(this.#server.loop.nowMs())
    this.#session ??= this.#connect()
    this.#isAsking = true
    try {
      return await this.#session.query(sql)
    } finally {
      this.#isAsking = false
    }
  }

  destroy(): void {
    this.#session?.close(new FakeError('ECONNRESET'))
  }

  #connect(): FleetSession {
    return new FleetSession(this.#server, 'probe', {
      connected: () => void (this.isLoggedIn = true),
      ended: (error) => {
        if (!this.#isAsking) this.#options.onLost(error)
      },
    })
  }
}
