import type { Socket } from 'node:net'

const END_OF_TURN = Promise.resolve()

type Listener = (given: unknown) => void

/** An empty Query, and what a server says to it: EmptyQueryResponse, ReadyForQuery (PostgreSQL documentation, "Message Formats"). */
const EMPTY_QUERY = Buffer.from([81, 0, 0, 0, 5, 0])
const EMPTY_ANSWER = Buffer.from([73, 0, 0, 0, 4, 90, 0, 0, 0, 5, 73])

/**
 * What postgres.js gets for a socket: it writes to the real one, and hears what it is told.
 *
 * It is never told that the socket closed. For then it would connect again, in the middle of a transaction, or write to what is
 * not there any more and end the process; see docs/rationale.md, "postgres.js, without its pool".
 */
export class NativeSocket {
  readonly #socket: Socket
  readonly #gaveUp: () => void
  #onData: Listener | undefined
  #isShown = false
  readonly #listeners = new Map<string, Listener>()

  /** `gaveUp` is called when postgres.js destroys the socket: over a wrong signature, for example. */
  constructor(socket: Socket, gaveUp: () => void) {
    this.#socket = socket
    this.#gaveUp = gaveUp
    socket.on('drain', () => this.tell('drain', undefined))
  }

  /** Whether the real socket can be written to. */
  get readyState(): string {
    return this.#socket.readyState
  }

  /** What the server sent. */
  data(bytes: Buffer): void {
    this.#onData?.(bytes)
  }

  tell(event: 'error' | 'drain', given: unknown): void {
    this.#listeners.get(event)?.(given)
  }

  on(event: string, listener: Listener): this {
    if (event === 'data') this.#onData = listener
    else this.#listeners.set(event, listener)
    return this
  }

  once(): this {
    return this
  }

  removeListener(): this {
    return this
  }

  removeAllListeners(): this {
    return this
  }

  /**
   * The empty query with which postgres.js is made to show its connection (`startNative`) is answered here: a pooler would
   * have it wait for a server that has nothing to do for it, and the login with it.
   */
  write(bytes: Buffer, done?: () => void): boolean {
    if (!this.#isShown && EMPTY_QUERY.equals(bytes)) {
      this.#isShown = true
      void END_OF_TURN.then(() => this.data(EMPTY_ANSWER))
      return true
    }
    return this.#socket.write(bytes, done)
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  end(bytes?: Buffer): void {
    if (bytes !== undefined) this.#socket.write(bytes)
    this.#gaveUp()
  }

  destroy(): void {
    this.#gaveUp()
  }
}
