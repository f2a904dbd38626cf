import type { FakeError } from './fake-error.ts'
import type { FakeServer } from './fake-server.ts'

/** What a client sends. `fin` is what the server sees of a socket that was destroyed. */
export type Request =
  | { readonly kind: 'startup' }
  | { readonly kind: 'query'; readonly statement: string }
  | { readonly kind: 'terminate' }
  | { readonly kind: 'fin' }

export type Row = readonly (string | null)[]

/** What a server sends. `hint` is a pushed setting; `end` closes the connection, with a reason unless it was asked to. */
export type Reply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'row'; readonly row: Row }
  | { readonly kind: 'error'; readonly error: FakeError }
  | { readonly kind: 'hint' }
  | { readonly kind: 'end'; readonly error: FakeError | undefined }

export type Direction = 'toServer' | 'toClient'

/**
 * One TCP connection: two streams that keep their order, each with its delay. What is sent while the way is cut is kept
 * and sent again when it is mended, as a kernel does.
 */
export class FakeLink {
  readonly #server: FakeServer
  readonly #receive: (reply: Reply, atMs: number) => void
  readonly #requests: Request[] = []
  readonly #replies: Reply[] = []
  readonly #held = { toServer: 0, toClient: 0 }
  /** When the replies under way can be read, the earliest first. */
  readonly #arrivals: number[] = []
  /** The server changed its role since it last told this session. */
  hintDue = false
  /** The session is in a transaction that began in recovery, or is led elsewhere by a pooler: it takes no writes. */
  readOnly = false

  constructor(server: FakeServer, receive: (reply: Reply, atMs: number) => void) {
    this.#server = server
    this.#receive = receive
  }

  /** Since when an answer can be read that was not read yet; undefined when there is none. */
  get unreadSinceMs(): number | undefined {
    const firstMs = this.#arrivals[0]
    return firstMs !== undefined && firstMs <= this.#server.loop.nowMs() ? firstMs : undefined
  }

  send(request: Request): void {
    this.#requests.push(request)
    this.#carry('toServer', this.#server.requestDelayMs())
  }

  reply(reply: Reply, extraMs = 0): void {
    this.#replies.push(reply)
    this.#carry('toClient', this.#server.replyDelayMs() + extraMs)
  }

  /** The way is open again: what was held arrives after `delayMs`. */
  mend(direction: Direction, delayMs: number): void {
    const count = this.#held[direction]
    this.#held[direction] = 0
    for (let i = 0; i < count; i += 1) this.#schedule(direction, delayMs)
  }

  #carry(direction: Direction, delayMs: number): void {
    if (this.#server.isCut(direction) || this.#held[direction] > 0) {
      this.#held[direction] += 1
      this.#server.hold(this)
    } else {
      this.#schedule(direction, delayMs)
    }
  }

  #schedule(direction: Direction, delayMs: number): void {
    const { loop } = this.#server
    if (direction === 'toServer') {
      const atMs = loop.nowMs() + delayMs
      loop.afterIo(delayMs, () => {
        const request = this.#requests.shift()
        if (request !== undefined) this.#server.receive(this, request, atMs)
      })
      return
    }
    const atMs = this.#server.nowMs + delayMs
    this.#arrivals.push(atMs)
    this.#arrivals.sort((one, other) => one - other)
    loop.afterIo(atMs - loop.nowMs(), () => {
      this.#arrivals.shift()
      const reply = this.#replies.shift()
      if (reply !== undefined) this.#receive(reply, atMs)
    })
  }
}
