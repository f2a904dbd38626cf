import type { DriverConnection, DriverPool, DriverPoolHooks } from '../../../src/driver/driver.ts'
import type { Clock, Timer } from '../../../src/time/clock.ts'
import type { Milliseconds } from '../../../src/time/milliseconds.ts'
import { coded } from './coded.ts'
import type { ScriptedClient } from './connection.ts'
import { ScriptedConnection } from './connection.ts'
import type { ScriptedHost } from './host.ts'

type Done = (error: unknown, connection: DriverConnection<ScriptedClient> | undefined) => void

/** The pool object that a driver of its own would have. */
export interface NativePool {
  readonly hostId: string
}

/** A connect under way. */
interface Connect {
  readonly connection: ScriptedConnection
  readonly done: Done
  readonly deadline: Timer
}

/** A driver's pool of one scripted host. Fails the test when it is asked for more than it may hold. */
export class ScriptedPool implements DriverPool<ScriptedClient, NativePool> {
  readonly native: NativePool
  readonly isBypassed = true
  readonly capacity: number
  readonly idleConnections: ScriptedConnection[] = []
  /** Oldest first; a test with `manualConnects` ends them. */
  readonly connecting: Connect[] = []
  isClosed = false
  readonly #host: ScriptedHost
  readonly #hooks: DriverPoolHooks<ScriptedClient>
  readonly #clock: Clock
  readonly #connectTimeoutMs: Milliseconds
  #born = 0
  #gone = 0
  #allGone: (() => void) | undefined

  constructor(
    host: ScriptedHost,
    capacity: number,
    hooks: DriverPoolHooks<ScriptedClient>,
    clock: Clock,
    connectTimeoutMs: Milliseconds,
  ) {
    this.#host = host
    this.#clock = clock
    this.#connectTimeoutMs = connectTimeoutMs
    this.capacity = capacity
    this.#hooks = hooks
    this.native = { hostId: host.hostId }
    host.pool = this
  }

  get idle(): number {
    return this.idleConnections.length
  }

  /** Sockets that are open now. */
  get open(): number {
    return this.#born - this.#gone
  }

  checkOut(done: Done): void {
    if (this.isClosed) return queueMicrotask(() => done(new Error('the pool is closed'), undefined))
    // As `pg.Pool` does it: while one is idle, everything waits for the next tick, a connect for one caller too many too.
    if (this.idleConnections.length > 0) queueMicrotask(() => this.#pulse(done))
    else this.#connect(done)
  }

  #pulse(done: Done): void {
    const idle = this.idleConnections.pop()
    if (idle === undefined) this.#connect(done)
    else this.#hand(idle, done)
  }

  #connect(done: Done): void {
    if (this.#host.connections.size >= this.capacity) throw new Error('more than the pool may hold')
    this.#born += 1
    const connection = new ScriptedConnection(this.#host, this, this.#hooks, this.#born)
    const giveUp = (): void => this.fail(coded('ETIMEDOUT', 'connecting took too long'), connection)
    this.connecting.push({
      connection,
      done,
      deadline: this.#clock.setTimer(this.#connectTimeoutMs, giveUp, 'process'),
    })
    if (!this.#host.manualConnects) queueMicrotask(() => this.connectAll())
  }

  /** Ends all connects that can end, by what the host does now. */
  connectAll(): void {
    for (const { connection } of [...this.connecting]) {
      const error = this.#host.connectError()
      if (error === 'hang') continue
      if (error === undefined) this.succeed(connection)
      else this.fail(error, connection)
    }
  }

  /** The oldest connect, or that of one connection, succeeds. */
  succeed(connection: ScriptedConnection | undefined = this.connecting[0]?.connection): void {
    const connect = this.#take(connection)
    if (connect !== undefined) this.#hand(connect.connection, connect.done)
  }

  /** The oldest connect, or that of one connection, fails. */
  fail(error: Error, connection: ScriptedConnection | undefined = this.connecting[0]?.connection): void {
    connection?.interrupt(error)
  }

  isEstablished(connection: ScriptedConnection): boolean {
    return !this.connecting.some((connect) => connect.connection === connection)
  }

  /** A connection ended: it is idle no more, and a connect of it has failed. */
  drop(connection: ScriptedConnection, cause: Error): void {
    const place = this.idleConnections.indexOf(connection)
    if (place >= 0) this.idleConnections.splice(place, 1)
    const connect = this.#take(connection)
    if (connect !== undefined) queueMicrotask(() => connect.done(this.#host.lastWords ?? cause, undefined))
  }

  closed(): void {
    this.#gone += 1
    if (this.open === 0) this.#allGone?.()
  }

  async close(): Promise<void> {
    this.isClosed = true
    for (const connection of [...this.idleConnections]) connection.interrupt(new Error('the pool closes'))
    if (this.open === 0) return
    await new Promise<void>((resolve) => {
      this.#allGone = resolve
    })
  }

  #hand(connection: ScriptedConnection, done: Done): void {
    connection.checkedOut = true
    done(undefined, connection)
  }

  #take(connection: ScriptedConnection | undefined): Connect | undefined {
    const place = this.connecting.findIndex((connect) => connect.connection === connection)
    if (place < 0) return undefined
    const [connect] = this.connecting.splice(place, 1)
    connect?.deadline.cancel()
    return connect
  }
}
