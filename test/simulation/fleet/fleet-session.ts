import { FakeError } from '../../support/fake/fake-error.ts'
import type { Row } from '../../support/fake/fake-link.ts'
import type { ConnectionKind, FleetServer } from './fleet-server.ts'

/** What a session tells its owner; none of it happens in the turn in which the session was made. */
export interface SessionOwner {
  connected(): void
  /** The server ended it, or never let it in. Not called for what `close` did. */
  ended(error: FakeError): void
}

interface Pending {
  readonly statement: string
  readonly resolve: (row: Row) => void
  readonly reject: (error: Error) => void
}

/** One connection to a model server of the fleet: one event for each round trip. */
export class FleetSession {
  readonly #server: FleetServer
  readonly #owner: SessionOwner
  #state: 'connecting' | 'ready' | 'closed' = 'connecting'
  #pending: Pending | undefined

  constructor(server: FleetServer, kind: ConnectionKind, owner: SessionOwner) {
    this.#server = server
    this.#owner = owner
    server.connect(this, kind)
  }

  get isClosed(): boolean {
    return this.#state === 'closed'
  }

  query(statement: string): Promise<Row> {
    return new Promise((resolve, reject) => {
      if (this.#state === 'closed') return reject(new FakeError('ECONNRESET'))
      this.#pending = { statement, resolve, reject }
      if (this.#state === 'ready') this.#send()
    })
  }

  ready(): void {
    this.#state = 'ready'
    this.#owner.connected()
    if (this.#pending !== undefined) this.#send()
  }

  end(error: FakeError): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#owner.ended(error)
    this.#take()?.reject(error)
  }

  close(cause: Error): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#server.leave(this)
    this.#take()?.reject(cause)
  }

  #send(): void {
    const { loop } = this.#server
    const takesMs = this.#server.roundTripMs() + this.#server.workMs(this.#pending?.statement)
    loop.afterIo(takesMs, () => {
      // A server that died meanwhile answers no more; that it ended the session is on its way.
      if (this.#state === 'closed' || this.#server.state !== 'running') return
      const pending = this.#take()
      if (pending === undefined) return
      const answer = this.#server.answer(pending.statement)
      if (answer instanceof FakeError) pending.reject(answer)
      else pending.resolve(answer)
    })
  }

  #take(): Pending | undefined {
    const pending = this.#pending
    this.#pending = undefined
    return pending
  }
}
