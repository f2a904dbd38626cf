import type pg from 'pg'
import type { RoleSource } from './role-source.ts'

/** The leases of one pool of a role, and what `pg.Pool` tells of them. */
export class RoleLeases {
  /** Callers who have no connection yet. */
  waiting = 0
  readonly #pool: pg.Pool
  readonly #source: RoleSource
  /** Clients that were handed out before: the same client is new to a pool only once. */
  readonly #known = new WeakSet<object>()
  readonly #leased = new Set<object>()
  #onDrained: (() => void) | undefined

  constructor(pool: pg.Pool, source: RoleSource) {
    this.#pool = pool
    this.#source = source
    source.onReleased((client) => this.#returned(client))
    for (const each of source.allPools()) each.on('error', (error, client) => this.#idleFailed(error, client))
  }

  /** How many connections of the role there are, by one of `pg.Pool`'s counts. */
  sum(what: 'totalCount' | 'idleCount' | 'expiredCount'): number {
    return this.#source.pools().reduce((total, pool) => total + pool[what], 0)
  }

  async take(): Promise<pg.PoolClient> {
    this.waiting += 1
    const client = await this.#source.lease().finally(() => (this.waiting -= 1))
    if (this.#pool.ending) {
      client.release()
      throw new Error('The pool was ended while a connection was waited for')
    }
    try {
      this.#adopt(client)
    } catch (error) {
      // A listener's bug is the caller's to see, but no lease may be lost over it.
      client.release(true)
      throw error
    }
    return client
  }

  /** Calls back once, when every lease has ended. */
  onDrained(callback: () => void): void {
    this.#onDrained = callback
    this.#tellIfDrained()
  }

  /** The events come in `pg.Pool`'s order: a new client's `connect` before its `acquire`. */
  #adopt(client: pg.PoolClient): void {
    this.#leased.add(client)
    const giveBack = client.release.bind(client)
    let isReleased = false
    client.release = (error) => {
      if (isReleased) throw new Error('Release called on client which has already been released to the pool.')
      isReleased = true
      this.#pool.emit('release', error, client)
      giveBack(error)
    }
    if (!this.#known.has(client)) {
      this.#known.add(client)
      client.once('end', () => this.#pool.emit('remove', client))
      this.#pool.emit('connect', client)
    }
    this.#pool.emit('acquire', client)
  }

  #returned(client: object): void {
    if (this.#leased.delete(client)) this.#tellIfDrained()
  }

  /** Only who listens is told: the loss of an idle connection must not end the process. */
  #idleFailed(error: Error, client: pg.PoolClient): void {
    if (this.#known.has(client) && this.#pool.listenerCount('error') > 0) this.#pool.emit('error', error, client)
  }

  #tellIfDrained(): void {
    if (this.#leased.size === 0) this.#onDrained?.()
  }
}
