import type { Expirable } from '../time/expiry-queue.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import { ms } from '../time/milliseconds.ts'
import type { Address, LookupCallback, LookupOptions } from './lookup.ts'

/** A connect that waits for the addresses of a name; it waits until `expiresAtMs`. */
export class NameCaller implements Expirable {
  readonly sinceMs: Milliseconds
  readonly expiresAtMs: Milliseconds
  readonly options: LookupOptions
  readonly callback: LookupCallback
  earlier: Expirable | undefined = undefined
  later: Expirable | undefined = undefined
  readonly #onExpire: (caller: NameCaller) => void

  constructor(
    [sinceMs, waitMs]: readonly [sinceMs: Milliseconds, waitMs: Milliseconds],
    options: LookupOptions,
    callback: LookupCallback,
    onExpire: (caller: NameCaller) => void,
  ) {
    this.sinceMs = sinceMs
    this.expiresAtMs = ms(sinceMs + waitMs)
    this.options = options
    this.callback = callback
    this.#onExpire = onExpire
  }

  expire(): void {
    this.#onExpire(this)
  }
}

/**
 * One name: the addresses it last had, who waits for it, and where its look-up is. As an entry of the expiry queue it is
 * the look-up under way, which counts as stuck from `expiresAtMs` on.
 */
export class KnownName implements Expirable {
  readonly hostname: string
  /** Empty as long as no look-up succeeded. */
  lastGood: readonly Address[] = []
  /** `stuck`: under way for so long that it has lost its place, but not at its end. */
  state: 'idle' | 'queued' | 'running' | 'stuck' = 'idle'
  readonly callers: Set<NameCaller> = new Set()
  expiresAtMs: Milliseconds = ms(Infinity)
  earlier: Expirable | undefined = undefined
  later: Expirable | undefined = undefined
  readonly #onStuck: (name: KnownName) => void

  constructor(hostname: string, onStuck: (name: KnownName) => void) {
    this.hostname = hostname
    this.#onStuck = onStuck
  }

  expire(): void {
    this.#onStuck(this)
  }
}
