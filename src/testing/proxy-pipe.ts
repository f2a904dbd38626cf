import type { Socket } from 'node:net'
import { resetSocket } from './reset-socket.ts'

const QUEUE_LIMIT = 1_000_000

/** What one side did, in order: sent bytes, ended its half, or broke off. */
type Item =
  { readonly kind: 'bytes'; readonly bytes: Uint8Array } | { readonly kind: 'end' } | { readonly kind: 'broken' }

/** One direction of one proxied connection: a queue between two sockets that can be slowed, and held. */
export class ProxyPipe {
  readonly #from: Socket
  readonly #to: Socket
  readonly #queue: { readonly item: Item; readonly at: number }[] = []
  #queued = 0
  #held = false
  #delayMs = 0
  #timer: NodeJS.Timeout | undefined
  /** Bytes written to the other side. */
  forwarded = 0

  /** `filter` sees all bytes before they are queued, and returns those to queue. */
  constructor(from: Socket, to: Socket, filter: (bytes: Uint8Array) => Uint8Array | undefined) {
    this.#from = from
    this.#to = to
    from.on('data', (bytes: Buffer) => {
      const wanted = filter(bytes)
      if (wanted !== undefined && wanted.length > 0) this.#push({ kind: 'bytes', bytes: wanted })
    })
    from.on('end', () => this.#push({ kind: 'end' }))
    from.on('error', () => this.#push({ kind: 'broken' }))
    to.on('drain', () => this.#pump())
  }

  hold(held: boolean): void {
    this.#held = held
    this.#pump()
  }

  /** Applies to what comes from now on. */
  delay(delayMs: number): void {
    this.#delayMs = delayMs
  }

  /** Forgets what is queued; nothing is forwarded any more. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#held = true
    this.#queue.length = 0
  }

  #push(item: Item): void {
    this.#queue.push({ item, at: performance.now() + this.#delayMs })
    this.#queued += item.kind === 'bytes' ? item.bytes.length : 0
    this.#pump()
    if (this.#queued > QUEUE_LIMIT) this.#from.pause()
  }

  #pump(): void {
    clearTimeout(this.#timer)
    while (!this.#held && !this.#to.writableNeedDrain) {
      const head = this.#queue[0]
      if (head === undefined) break
      const waitMs = head.at - performance.now()
      if (waitMs > 0.5) {
        this.#timer = setTimeout(() => this.#pump(), Math.ceil(waitMs))
        this.#timer.unref()
        break
      }
      this.#queue.shift()
      this.#forward(head.item)
    }
    if (this.#queued <= QUEUE_LIMIT && this.#from.isPaused()) this.#from.resume()
  }

  #forward(item: Item): void {
    if (item.kind === 'bytes') this.#queued -= item.bytes.length
    if (this.#to.destroyed) return
    switch (item.kind) {
      case 'bytes':
        this.forwarded += item.bytes.length
        this.#to.write(item.bytes)
        return
      case 'end':
        this.#to.end()
        return
      case 'broken':
        resetSocket(this.#to)
    }
  }
}
