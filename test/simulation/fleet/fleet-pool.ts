import type { DriverConnection, DriverPool, DriverPoolHooks, PoolOptions } from '../../../src/driver/driver.ts'
import { FakeError } from '../../support/fake/fake-error.ts'
import type { FleetClient } from './fleet-connection.ts'
import { FleetConnection } from './fleet-connection.ts'
import type { FleetServer } from './fleet-server.ts'

/** The driver's pool of one process for one host: keeps what it has, makes what is missing. */
export class FleetPool implements DriverPool<FleetClient, FleetPool> {
  readonly native: FleetPool = this
  readonly capacity: number
  readonly server: FleetServer
  readonly hooks: DriverPoolHooks<FleetClient>
  readonly #options: PoolOptions
  readonly #parked: FleetConnection[] = []

  constructor(server: FleetServer, capacity: number, options: PoolOptions, hooks: DriverPoolHooks<FleetClient>) {
    this.server = server
    this.capacity = capacity
    this.#options = options
    this.hooks = hooks
  }

  /** Connections at hand. */
  get idle(): number {
    return this.#parked.length
  }

  checkOut(done: (error: unknown, connection: DriverConnection<FleetClient> | undefined) => void): void {
    const parked = this.#parked.pop()
    if (parked !== undefined) return void this.server.loop.afterIo(0, () => done(undefined, parked))
    const connection = new FleetConnection(this)
    const giveUp = (): void => connection.interrupt(new FakeError('ETIMEDOUT'))
    const timer = this.server.loop.setTimer(this.#options.connectTimeoutMs, giveUp, 'process')
    connection.onConnect = (error) => {
      timer.cancel()
      if (error === undefined) done(undefined, connection)
      else done(error, undefined)
    }
  }

  takeBack(connection: FleetConnection, destroy: boolean): void {
    if (connection.isClosed()) return
    if (destroy) connection.interrupt(new FakeError('ECONNRESET'))
    else this.#parked.push(connection)
  }

  forget(connection: FleetConnection): void {
    const place = this.#parked.indexOf(connection)
    if (place >= 0) this.#parked.splice(place, 1)
  }

  close(): Promise<void> {
    for (const connection of this.#parked.splice(0)) connection.interrupt(new FakeError('ECONNRESET'))
    return Promise.resolve()
  }
}
