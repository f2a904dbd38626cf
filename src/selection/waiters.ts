/** Somebody waiting for the topology to become what is needed. */
export interface Waiter {
  /** Looks at the new topology; true when there is nothing left to wait for. */
  retry(): boolean
  /** The manager closed. */
  closed(): void
}

/** Those who wait for a host, first come first served: re-run on each new topology, never polled. */
export class Waiters {
  readonly #waiting = new Set<Waiter>()

  get size(): number {
    return this.#waiting.size
  }

  add(waiter: Waiter): void {
    this.#waiting.add(waiter)
  }

  remove(waiter: Waiter): void {
    this.#waiting.delete(waiter)
  }

  retryAll(): void {
    // A waiter that leaves and comes back during the walk waits for the next topology.
    for (const waiter of [...this.#waiting]) {
      if (this.#waiting.has(waiter) && waiter.retry()) this.#waiting.delete(waiter)
    }
  }

  closeAll(): void {
    for (const waiter of [...this.#waiting]) {
      this.#waiting.delete(waiter)
      waiter.closed()
    }
  }
}
