import type { Received } from '../../../src/driver/driver.ts'
import { FakeError } from './fake-error.ts'
import { FakeLink } from './fake-link.ts'
import type { Reply, Row } from './fake-link.ts'
import type { FakeServer } from './fake-server.ts'

/** What a socket tells its owner. */
export interface SocketOwner {
  connected(): void
  /** The server answered a statement with an error. */
  refused(error: FakeError): void
  hinted(): void
  /** The other side ended the connection, or nobody was there. Not called for what `destroy` or `end` did. */
  lost(error: Error, duringQuery: boolean): void
  /** Something of an established session can be read since `atMs`; called when the kernel has it, also while nobody reads. */
  arrived(atMs: number): void
  /** The socket is closed; called once. */
  closed(): void
}

interface Pending {
  readonly statement: string
  readonly resolve: (row: Row) => void
  readonly reject: (error: Error) => void
}

/** The client's end of a connection: connects when made, asks one statement at a time. */
export class FakeSocket {
  readonly #server: FakeServer
  readonly #link: FakeLink
  readonly #owner: SocketOwner
  #state: 'connecting' | 'ready' | 'ending' | 'closed' = 'connecting'
  #pending: Pending | undefined
  /** What waits in the kernel while reading is paused. */
  readonly #unread: Reply[] = []
  #isPaused = false
  #pauses = 0
  #amount = 0

  constructor(server: FakeServer, owner: SocketOwner) {
    this.#server = server
    this.#owner = owner
    this.#link = new FakeLink(server, (reply, atMs) => this.#arrived(reply, atMs))
    server.openSockets += 1
    server.lookUp(() => {
      if (this.#state === 'connecting') this.#link.send({ kind: 'startup' })
    })
  }

  /** What has been read, once it is established. */
  get received(): Received | undefined {
    if (this.#state === 'connecting' || this.isClosed) return undefined
    return { amount: this.#amount, pauses: this.#pauses, isRead: !this.#isPaused }
  }

  /** Leaves unread what comes. */
  pause(): void {
    this.#isPaused = true
    this.#pauses += 1
  }

  resume(): void {
    this.#isPaused = false
    for (const reply of this.#unread.splice(0)) this.#receive(reply)
  }

  get isClosed(): boolean {
    return this.#state === 'closed'
  }

  /** Whether it has said goodbye and waits for the server. */
  get isEnding(): boolean {
    return this.#state === 'ending'
  }

  get isAsking(): boolean {
    return this.#pending !== undefined
  }

  /** Since when the answer to the pending statement lies unread in the kernel. */
  get unreadSinceMs(): number | undefined {
    return this.#link.unreadSinceMs
  }

  query(statement: string): Promise<Row> {
    if (this.#state === 'closed' || this.#state === 'ending') return Promise.reject(new FakeError('ECONNRESET'))
    if (this.#pending !== undefined) return Promise.reject(new RangeError('one statement at a time'))
    return new Promise((resolve, reject) => {
      this.#pending = { statement, resolve, reject }
      if (this.#state === 'ready') this.#link.send({ kind: 'query', statement })
    })
  }

  /** Says goodbye, and waits for the server to close; a frozen one does not. */
  end(): void {
    if (this.#state === 'closed' || this.#state === 'ending') return
    if (this.#state === 'connecting' || this.#pending !== undefined) return this.destroy(new FakeError('ECONNRESET'))
    this.#state = 'ending'
    this.#link.send({ kind: 'terminate' })
  }

  destroy(cause: Error): void {
    if (this.#state === 'closed') return
    this.#close(cause)
    this.#link.send({ kind: 'fin' })
  }

  #arrived(reply: Reply, atMs: number): void {
    if (this.#state !== 'connecting' && !this.isClosed) this.#owner.arrived(atMs)
    if (this.#isPaused) this.#unread.push(reply)
    else this.#receive(reply)
  }

  #receive(reply: Reply): void {
    if (this.#state === 'closed') return
    this.#amount += 1
    switch (reply.kind) {
      case 'ready':
        this.#state = 'ready'
        this.#owner.connected()
        if (this.#pending !== undefined) this.#link.send({ kind: 'query', statement: this.#pending.statement })
        return
      case 'row':
        return this.#take()?.resolve(reply.row)
      case 'error': {
        const pending = this.#take()
        this.#owner.refused(reply.error)
        return pending?.reject(reply.error)
      }
      case 'hint':
        return this.#owner.hinted()
      case 'end':
        return this.#ended(reply.error ?? new FakeError('ECONNRESET'))
    }
  }

  #ended(error: FakeError): void {
    const expected = this.#state === 'ending'
    const duringQuery = this.#pending !== undefined
    this.#state = 'closed'
    if (!expected) this.#owner.lost(error, duringQuery)
    this.#close(error)
  }

  #close(cause: Error): void {
    this.#state = 'closed'
    this.#take()?.reject(cause)
    this.#server.openSockets -= 1
    this.#server.loop.afterIo(0, () => this.#owner.closed())
  }

  #take(): Pending | undefined {
    const pending = this.#pending
    this.#pending = undefined
    return pending
  }
}
