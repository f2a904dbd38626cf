import { isIpAddress } from '../dsn/ip-address.ts'
import { ManagerClosedError } from '../errors.ts'
import type { Clock } from '../time/clock.ts'
import { ExpiryQueue } from '../time/expiry-queue.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import { ms } from '../time/milliseconds.ts'
import { toError } from '../to-error.ts'
import { addressOf, hand, noAddress, readAddresses } from './addresses.ts'
import { KnownName, NameCaller } from './known-name.ts'
import { LookupTimeoutError } from './lookup-timeout-error.ts'
import type { Address, Lookup, SocketLookup } from './lookup.ts'

/** A look-up that takes longer is stuck: it gives its place to the next name. */
export const STUCK_MS: Milliseconds = ms(2_000)

/** How a look-up ends; one of a caller's own may call back with anything. */
type Answer = (error: unknown, answer?: string | readonly Address[]) => void

/** What a book of addresses works with. */
export interface AddressBookSettings {
  readonly clock: Clock
  readonly lookup: Lookup
  /** How long a connect waits for an address when none is known from before. */
  readonly limitMs: Milliseconds
  /** How long it waits when one is. */
  readonly patienceMs: Milliseconds
}

/**
 * The addresses of one manager's hosts, and the one queue in which they are looked up.
 *
 * Each connect has its name looked up anew, but never twice at a time, until the look-up has really ended; and one name at
 * a time, for a look-up occupies a thread of Node's pool however long the resolver takes, and two that hang would stall
 * every other one in the process. Where a look-up fails or takes long, the addresses that the name had last are used.
 * Why: docs/rationale.md, "Names that do not answer".
 */
export class AddressBook {
  readonly #settings: AddressBookSettings
  readonly #expiry: ExpiryQueue
  readonly #names = new Map<string, KnownName>()
  readonly #queue: KnownName[] = []
  #running: KnownName | undefined
  #closed = false

  constructor(settings: AddressBookSettings) {
    this.#settings = settings
    this.#expiry = new ExpiryQueue(settings.clock, 'nothing')
  }

  /** What sockets are given as their `lookup`. A numeric address is its own answer. Each call is answered exactly once. */
  readonly lookup: SocketLookup = (hostname, options, callback) => {
    if (this.#closed) return callback(closedError(hostname), [])
    if (isIpAddress(hostname)) return hand(hostname, [addressOf(hostname)], options, callback)
    const { clock, limitMs, patienceMs } = this.#settings
    const name = this.#nameOf(hostname)
    const waitMs = name.lastGood.length > 0 ? patienceMs : limitMs
    const caller = new NameCaller([clock.nowMs(), waitMs], options, callback, (late) => this.#giveUp(name, late))
    name.callers.add(caller)
    this.#expiry.add(caller)
    if (name.state !== 'idle') return
    name.state = 'queued'
    this.#queue.push(name)
    this.#startNext()
  }

  /** Whoever waits is refused; what a look-up still brings is dropped. No timer is left. */
  close(): void {
    this.#closed = true
    const refused = [...this.#names.values()].flatMap((name) =>
      this.#takeCallers(name).map(({ callback }) => [name.hostname, callback] as const),
    )
    if (this.#running !== undefined) this.#expiry.remove(this.#running)
    this.#expiry.close()
    this.#running = undefined
    this.#queue.length = 0
    this.#names.clear()
    for (const [hostname, callback] of refused) callback(closedError(hostname), [])
  }

  #startNext(): void {
    const name = this.#running === undefined ? this.#queue.shift() : undefined
    if (name === undefined) return
    name.state = 'running'
    name.expiresAtMs = ms(this.#settings.clock.nowMs() + STUCK_MS)
    this.#running = name
    this.#expiry.add(name)
    let landed = false
    const land: Answer = (error, addresses) => {
      if (landed) return
      landed = true
      this.#landed(name, outcomeOf(name.hostname, error, addresses))
    }
    // A look-up of the caller's own may also throw.
    try {
      this.#settings.lookup(name.hostname, { all: true }, land)
    } catch (error) {
      land(error ?? new Error(`The look-up of '${name.hostname}' failed`))
    }
  }

  #landed(name: KnownName, outcome: Error | readonly Address[]): void {
    if (this.#closed) return
    if (name.state === 'running') {
      this.#expiry.remove(name)
      this.#running = undefined
    }
    name.state = 'idle'
    if (!(outcome instanceof Error)) name.lastGood = outcome
    const callers = this.#takeCallers(name)
    this.#startNext()
    for (const { options, callback } of callers) {
      if (outcome instanceof Error && name.lastGood.length === 0) callback(outcome, [])
      else hand(name.hostname, name.lastGood, options, callback)
    }
  }

  /** A thread of the pool may be lost to it for long; the other names need not be. */
  #stuck(name: KnownName): void {
    name.state = 'stuck'
    this.#running = undefined
    this.#startNext()
  }

  #giveUp(name: KnownName, caller: NameCaller): void {
    name.callers.delete(caller)
    const { hostname, lastGood, state } = name
    if (lastGood.length > 0) return hand(hostname, lastGood, caller.options, caller.callback)
    const waitedMs = this.#settings.clock.nowMs() - caller.sinceMs
    const behind = state === 'queued' ? this.#running?.hostname : undefined
    caller.callback(new LookupTimeoutError(hostname, waitedMs, behind), [])
  }

  #takeCallers(name: KnownName): readonly NameCaller[] {
    const callers = [...name.callers]
    name.callers.clear()
    for (const caller of callers) this.#expiry.remove(caller)
    return callers
  }

  #nameOf(hostname: string): KnownName {
    const name = this.#names.get(hostname) ?? new KnownName(hostname, (stuck) => this.#stuck(stuck))
    this.#names.set(hostname, name)
    return name
  }
}

function outcomeOf(hostname: string, ...[error, answer]: Parameters<Answer>): Error | readonly Address[] {
  if (error !== null && error !== undefined) return toError(error)
  const addresses = readAddresses(answer)
  return addresses.length === 0 ? noAddress(hostname) : addresses
}

function closedError(hostname: string): Error {
  return new ManagerClosedError(`look up '${hostname}'`)
}
