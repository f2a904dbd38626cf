import type { DriverConnection, DriverPool, DriverPoolHooks, PoolOptions } from '../../../src/driver/driver.ts'
import type { DriverWatch } from './driver-watch.ts'
import type { FakeClient } from './fake-connection.ts'
import { FakeConnection } from './fake-connection.ts'
import { FakeError } from './fake-error.ts'
import type { Routes } from './routes.ts'

type Done = (error: unknown, connection: DriverConnection<FakeClient> | undefined) => void

/** A driver's pool: keeps idle connections, makes new ones up to its capacity, and counts what it lends. */
export class FakePool implements DriverPool<FakeClient, FakePool> {
  readonly native: FakePool = this
  readonly isBypassed = true
  readonly hostId: string
  readonly capacity: number
  readonly routes: Routes
  readonly hooks: DriverPoolHooks<FakeClient>
  readonly watch: DriverWatch
  /** From birth until the socket is closed. */
  readonly live: Set<FakeConnection> = new Set()
  readonly idleConnections: FakeConnection[] = []
  /** Checkouts delivered and not given back. */
  lent = 0
  /** Checkouts asked for and not delivered. */
  pending = 0
  /** How many checkouts were asked for so far. */
  asked = 0
  readonly #options: PoolOptions
  #ended: (() => void) | undefined
  #isEnded = false
  #born = 0

  constructor(
    hostId: string,
    routes: Routes,
    capacity: number,
    options: PoolOptions,
    hooks: DriverPoolHooks<FakeClient>,
    watch: DriverWatch,
  ) {
    this.routes = routes
    this.hostId = hostId
    this.capacity = capacity
    this.#options = options
    this.hooks = hooks
    this.watch = watch
  }

  get idle(): number {
    return this.idleConnections.length
  }

  checkOut(done: Done): void {
    if (this.#isEnded) this.watch.misused('checkOut after close')
    if (this.lent + this.pending >= this.capacity) this.watch.misused('checkOut beyond the capacity')
    this.pending += 1
    this.asked += 1
    this.watch.poolTouched(this)
    const idle = this.idleConnections.pop()
    if (idle === undefined) this.#connect(done)
    else idle.server.loop.afterIo(0, () => this.#deliver(idle, done))
  }

  takeBack(connection: FakeConnection, destroy: boolean): void {
    if (!connection.checkedOut) return this.watch.misused(`connection ${connection.native.id} was given back twice`)
    connection.checkedOut = false
    this.lent -= 1
    this.watch.givenBack(connection, destroy)
    this.watch.poolTouched(this)
    if (connection.isClosed()) return
    if (destroy || this.#isEnded) connection.socket.end()
    else this.idleConnections.push(connection)
  }

  /** The connection is not to be lent again. */
  forget(connection: FakeConnection): void {
    const place = this.idleConnections.indexOf(connection)
    if (place >= 0) this.idleConnections.splice(place, 1)
  }

  gone(connection: FakeConnection): void {
    if (!this.live.delete(connection)) this.watch.misused(`connection ${connection.native.id} closed twice`)
    this.hooks.gone(connection)
    this.watch.poolTouched(this)
    if (this.live.size === 0) this.#ended?.()
  }

  close(): Promise<void> {
    this.#isEnded = true
    for (const connection of this.idleConnections.splice(0)) connection.socket.end()
    return new Promise((resolve) => {
      this.#ended = resolve
      if (this.live.size === 0) resolve()
    })
  }

  #connect(done: Done): void {
    this.#born += 1
    const connection = new FakeConnection(this.#born, this)
    this.live.add(connection)
    const giveUp = (): void => connection.interrupt(new FakeError('ETIMEDOUT'))
    const timer = connection.server.loop.setTimer(this.#options.connectTimeoutMs, giveUp, 'process')
    connection.onConnect = (error) => {
      timer.cancel()
      if (error === undefined) return this.#deliver(connection, done)
      this.pending -= 1
      this.watch.connectFailed(this, error)
      this.watch.poolTouched(this)
      done(error, undefined)
    }
  }

  #deliver(connection: FakeConnection, done: Done): void {
    this.pending -= 1
    this.lent += 1
    connection.checkedOut = true
    done(undefined, connection)
    this.watch.poolTouched(this)
  }
}
