import type { BoundLease, DriverConnection } from '../../../src/driver/driver.ts'
import type { Row } from '../../support/fake/fake-link.ts'
import type { FleetPool } from './fleet-pool.ts'
import { FleetSession } from './fleet-session.ts'

/** What a caller in the fleet gets. */
export interface FleetClient {
  query(statement: 'read' | 'write'): Promise<Row>
}

/** One pooled connection of one process. */
export class FleetConnection implements DriverConnection<FleetClient> {
  readonly native: FleetClient
  readonly #pool: FleetPool
  readonly #session: FleetSession
  /** Set while the connection is being made; called once with the outcome. */
  onConnect: ((error: Error | undefined) => void) | undefined

  constructor(pool: FleetPool) {
    this.#pool = pool
    const { hooks, server } = pool
    this.native = { query: (statement) => this.#session.query(statement) }
    hooks.born(this)
    this.#session = new FleetSession(server, 'pool', {
      connected: () => this.#connected(undefined),
      ended: (error) => {
        const wasConnecting = this.onConnect !== undefined
        pool.forget(this)
        if (!wasConnecting) hooks.failed(this, error)
        this.#closed(error)
      },
    })
  }

  isClosed(): boolean {
    return this.#session.isClosed
  }

  giveBack(destroy: boolean): void {
    this.#pool.takeBack(this, destroy)
  }

  interrupt(cause: Error): void {
    if (this.#session.isClosed) return
    this.#pool.forget(this)
    this.#session.close(cause)
    this.#closed(cause)
  }

  /** The lease is always given back through the manager here. */
  bind(_lease: BoundLease): void {
    return
  }

  #closed(cause: Error): void {
    this.#pool.server.loop.afterIo(0, () => {
      this.#connected(cause)
      this.#pool.hooks.gone(this)
    })
  }

  #connected(error: Error | undefined): void {
    const done = this.onConnect
    this.onConnect = undefined
    done?.(error)
  }
}
