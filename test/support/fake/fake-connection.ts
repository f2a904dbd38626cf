import type { BoundLease, DriverConnection, Received } from '../../../src/driver/driver.ts'
import type { Outcome } from '../../../src/errors.ts'
import { FakeError } from './fake-error.ts'
import type { Row } from './fake-link.ts'
import type { FakePool } from './fake-pool.ts'
import type { FakeServer } from './fake-server.ts'
import { FakeSocket } from './fake-socket.ts'

/** What the caller of `acquire` gets: a driver's own connection object. */
export class FakeClient implements AsyncDisposable {
  readonly id: number
  readonly hostId: string
  /** Gives the lease back that is current. */
  release: (destroy?: boolean) => void = () => undefined
  dispose: () => void = () => undefined
  readonly #query: (statement: string) => Promise<Row>

  constructor(id: number, hostId: string, query: (statement: string) => Promise<Row>, pause: () => () => void) {
    this.id = id
    this.hostId = hostId
    this.#query = query
    this.pause = pause
  }

  /** Sends `read`, `see <number>` or `write <number>`. */
  query(statement: string): Promise<Row> {
    return this.#query(statement)
  }

  /** Leaves unread what comes, as a slow consumer of a stream does; returns what goes on reading. */
  readonly pause: () => () => void

  get [Symbol.asyncDispose](): () => Promise<void> {
    const { dispose } = this
    return () => {
      dispose()
      return Promise.resolve()
    }
  }
}

/** One physical connection of a fake pool. */
export class FakeConnection implements DriverConnection<FakeClient> {
  readonly native: FakeClient
  readonly pool: FakePool
  /** Where the endpoint led when the connection was made. */
  readonly server: FakeServer
  readonly socket: FakeSocket
  checkedOut = false
  /** Set while the connection is being made; called with the outcome. */
  onConnect: ((error: Error | undefined) => void) | undefined
  #endedBy: Error | undefined
  #isUnanswered = false
  #tookEffect = false

  constructor(id: number, pool: FakePool) {
    this.pool = pool
    this.native = new FakeClient(
      id,
      pool.hostId,
      (statement) => this.#ask(statement),
      () => this.#pause(),
    )
    const { watch, hooks } = pool
    this.server = pool.routes.serverOf(pool.hostId)
    this.socket = new FakeSocket(this.server, {
      connected: () => this.#connected(undefined),
      refused: (error) => {
        this.#isUnanswered = false
        watch.fault(this, error, () => hooks.failed(this, error))
      },
      hinted: () => watch.hinted(pool.hostId, () => hooks.hinted(this)),
      lost: (error) => {
        this.#endedBy = error
        if (this.onConnect !== undefined) return
        pool.forget(this)
        watch.fault(this, error, () => hooks.failed(this, error))
      },
      arrived: (atMs) => watch.arrived(this, atMs),
      closed: () => {
        this.#connected(this.#endedBy ?? new FakeError('ECONNRESET'))
        pool.gone(this)
      },
    })
    hooks.born(this)
    watch.born(this)
  }

  received(): Received | undefined {
    return this.socket.received
  }

  isClosed(): boolean {
    return this.socket.isClosed
  }

  giveBack(destroy: boolean): void {
    this.pool.takeBack(this, destroy)
  }

  interrupt(cause: Error): void {
    this.#endedBy ??= cause
    this.pool.forget(this)
    this.socket.destroy(cause)
  }

  /** There are no transactions here: what was answered with a row took effect. */
  outcome(): Outcome {
    return this.#isUnanswered || this.#tookEffect ? 'unknown' : 'not-executed'
  }

  bind(lease: BoundLease): void {
    this.#tookEffect = false
    this.native.release = (destroy = false) => lease.release(destroy)
    this.native.dispose = () => lease.dispose()
  }

  query(statement: string): Promise<Row> {
    return this.#ask(statement)
  }

  canPassOn(): boolean {
    return true
  }

  #pause(): () => void {
    this.socket.pause()
    return () => this.socket.resume()
  }

  async #ask(statement: string): Promise<Row> {
    this.#isUnanswered = true
    const row = await this.socket.query(statement)
    this.#isUnanswered = false
    this.#tookEffect = true
    return row
  }

  #connected(error: Error | undefined): void {
    const done = this.onConnect
    this.onConnect = undefined
    done?.(error)
  }
}
