import type { HostId } from '../dsn/host-spec.ts'
import type { HostFault } from '../host-fault.ts'
import type { Lease } from './lease.ts'
import type { PoolUsage } from './pool-usage.ts'

/** What the caller says of its lease: when it began. */
export type GrantedLease<TConnection> = Pick<Lease<TConnection>, 'grantedAtMs'>

/** Somebody who asked a host's pool for a connection. */
export interface Checkout<TConnection> {
  /** Whether a connection is of no use to the caller, who is displaced then; `probe` was the host's newest when it was made. */
  declines(probe: number): boolean
  /** The connection is the caller's now, under a lease that begins when the caller says so. */
  granted(connection: TConnection, lease: GrantedLease<TConnection>): void
  /** No connection can be had from this host, and `fault` says what that tells of it; the caller may try another. */
  refused(error: Error, hostId: HostId, fault?: HostFault): void
  /** The host is not what the caller chose it for any more: choose again. */
  displaced(hostId: HostId): void
  /** The pool is closing. */
  closed(): void
  readonly link: QueueLink<TConnection>
}

/** The most callers that may wait for one host's pool. */
export const QUEUE_LIMIT = 65_536

/** A place in a queue, kept inside the waiting object, so that leaving costs a constant time. */
export interface QueueLink<TConnection> {
  place: CheckoutQueue<TConnection> | undefined
  before: Checkout<TConnection> | undefined
  after: Checkout<TConnection> | undefined
}

/** First come, first served; leaving from the middle is as cheap as from the front. */
export class CheckoutQueue<TConnection> {
  #first: Checkout<TConnection> | undefined
  #last: Checkout<TConnection> | undefined
  readonly #usage: PoolUsage

  constructor(usage: PoolUsage) {
    this.#usage = usage
  }

  get length(): number {
    return this.#usage.queued
  }

  push(checkout: Checkout<TConnection>): void {
    const { link } = checkout
    link.place = this
    link.before = this.#last
    if (this.#last === undefined) this.#first = checkout
    else this.#last.link.after = checkout
    this.#last = checkout
    this.#usage.queued += 1
  }

  shift(): Checkout<TConnection> | undefined {
    const first = this.#first
    if (first !== undefined) this.remove(first)
    return first
  }

  takeAll(): Checkout<TConnection>[] {
    const all: Checkout<TConnection>[] = []
    for (let next = this.shift(); next !== undefined; next = this.shift()) all.push(next)
    return all
  }

  remove(checkout: Checkout<TConnection>): void {
    const { link } = checkout
    if (link.place !== this) return
    if (link.before === undefined) this.#first = link.after
    else link.before.link.after = link.after
    if (link.after === undefined) this.#last = link.before
    else link.after.link.before = link.before
    link.place = undefined
    link.before = undefined
    link.after = undefined
    this.#usage.queued -= 1
  }
}
