import type { ProbeConnection, ProbeOptions } from '../../../src/driver/driver.ts'
import type { DriverWatch } from './driver-watch.ts'
import { FakeError } from './fake-error.ts'
import type { Row } from './fake-link.ts'
import type { FakeServer } from './fake-server.ts'
import type { Routes } from './routes.ts'
import { FakeSocket } from './fake-socket.ts'

/** hasql's own connection to a model server. */
export class FakeProbe implements ProbeConnection {
  readonly hostId: string
  /** Where the endpoint led when the connection was made. */
  readonly server: FakeServer
  readonly #options: ProbeOptions
  readonly #watch: DriverWatch
  #socket: FakeSocket | undefined
  #destroyed = false
  /** When it was let in. */
  loggedInAtMs: number | undefined

  constructor(hostId: string, routes: Routes, options: ProbeOptions, watch: DriverWatch) {
    this.hostId = hostId
    this.server = routes.serverOf(hostId)
    this.#options = options
    this.#watch = watch
    watch.probeOpened(this)
  }

  get isLoggedIn(): boolean {
    return this.loggedInAtMs !== undefined
  }

  get isAsking(): boolean {
    return this.#socket?.isAsking === true
  }

  /** Since when an answer lies unread; undefined when none does. */
  get unreadSinceMs(): number | undefined {
    return this.#socket?.unreadSinceMs
  }

  async query(statement: string): Promise<Row> {
    if (this.isAsking) this.#watch.misused('two questions at a time on one probe connection')
    if (this.#destroyed) this.#watch.misused('a question on a destroyed probe connection')
    this.#watch.probeAsked(this, statement)
    this.#socket ??= this.#connect()
    const row = await this.#socket.query(statement)
    this.#watch.probeAnswered(this, statement, row)
    return row
  }

  destroy(): void {
    if (this.#destroyed) return
    this.#watch.probeDropped(this)
    this.#destroyed = true
    this.#socket?.destroy(new FakeError('ECONNRESET'))
  }

  #connect(): FakeSocket {
    return new FakeSocket(this.server, {
      connected: () => {
        this.loggedInAtMs = this.server.loop.nowMs()
      },
      arrived: () => undefined,
      refused: () => undefined,
      hinted: () => this.#watch.hinted(this.hostId, () => this.#options.onHint()),
      lost: (error, duringQuery) => {
        if (!duringQuery && !this.#destroyed) this.#options.onLost(error)
      },
      closed: () => undefined,
    })
  }
}
