import type pg from 'pg'
import { toError } from '../to-error.ts'
import type { RoleSource } from './role-source.ts'

/** Who asked a pool for a connection: `pg.Pool`'s own kind of callback. */
export type Connected = (
  error: Error | undefined,
  client: pg.PoolClient | undefined,
  done: (release?: boolean | Error) => void,
) => void

/** A client's own way of giving it back: made anew for each lease, and not a method. */
interface Releasable {
  release: (error?: boolean | Error) => void
}

/** A client that was handed out here, until its socket is closed. */
interface Seat {
  readonly client: pg.PoolClient
  isTaken: boolean
}

const END_OF_TURN = Promise.resolve()

/** The leases of one pool of a role, and what `pg.Pool` tells of them. */
export class RoleLeases {
  /** Callers who have no connection yet. */
  waiting = 0
  readonly #pool: pg.Pool
  readonly #source: RoleSource
  /** The same client is new to a pool only once. */
  readonly #seats = new Map<object, Seat>()
  #onDrained: (() => void) | undefined

  constructor(pool: pg.Pool, source: RoleSource) {
    this.#pool = pool
    this.#source = source
    for (const each of source.allPools()) each.on('error', (error, client) => this.#idleFailed(error, client))
  }

  /** How many connections of the role there are, by one of `pg.Pool`'s counts. */
  sum(what: 'totalCount' | 'idleCount' | 'expiredCount'): number {
    return this.#source.pools().reduce((total, pool) => total + pool[what], 0)
  }

  /**
   * Calls back once, after the turn: the caller's code must not run inside a pool's or a topology's change. What it throws is
   * its own, and no promise's.
   */
  take(connected: Connected): void {
    this.waiting += 1
    this.#source.lease(
      (client) => void END_OF_TURN.then(() => this.#arrived(connected, undefined, client)),
      (error) => void END_OF_TURN.then(() => this.#arrived(connected, error, undefined)),
    )
  }

  /** The client whose backend has this number, among those that are leased; undefined when there are several. */
  clientOfBackend(pid: number): pg.PoolClient | undefined {
    const found = [...this.#seats.values()].filter(({ client, isTaken }) => isTaken && backendOf(client) === pid)
    return found.length === 1 ? found[0]?.client : undefined
  }

  /** Calls back once, when every lease has ended. */
  onDrained(callback: () => void): void {
    this.#onDrained = callback
    this.#source.onReleased(() => this.#tellIfDrained())
    this.#tellIfDrained()
  }

  #arrived(connected: Connected, refusal: Error | undefined, client: pg.PoolClient | undefined): void {
    this.waiting -= 1
    const error = refusal ?? (client === undefined ? undefined : this.#admit(client))
    try {
      if (error === undefined && client !== undefined) connected(undefined, client, releaseOf(client))
      else connected(error, undefined, () => undefined)
    } catch (thrown) {
      process.nextTick(() => {
        throw thrown
      })
    }
  }

  /** The reason why the caller does not get the client after all. */
  #admit(client: pg.PoolClient): Error | undefined {
    if (this.#pool.ending) {
      client.release()
      return new Error('The pool was ended while a connection was waited for')
    }
    try {
      this.#adopt(client)
      return undefined
    } catch (error) {
      // A listener's bug is the caller's to see, but no lease may be lost over it.
      client.release(true)
      return toError(error)
    }
  }

  /** The events come in `pg.Pool`'s order: a new client's `connect` before its `acquire`. */
  #adopt(client: pg.PoolClient): void {
    const known = this.#seats.get(client)
    const seat = known ?? { client, isTaken: true }
    seat.isTaken = true
    const giveBack = releaseOf(client)
    let isReleased = false
    client.release = (error) => {
      if (isReleased) throw new Error('Release called on client which has already been released to the pool.')
      isReleased = true
      seat.isTaken = false
      this.#pool.emit('release', error, client)
      giveBack(error)
    }
    if (known === undefined) this.#welcome(seat)
    this.#pool.emit('acquire', client)
  }

  #welcome(seat: Seat): void {
    const { client } = seat
    this.#seats.set(client, seat)
    client.once('end', () => {
      this.#seats.delete(client)
      this.#pool.emit('remove', client)
      this.#tellIfDrained()
    })
    this.#pool.emit('connect', client)
  }

  /** Only who listens is told: the loss of an idle connection must not end the process. */
  #idleFailed(error: Error, client: pg.PoolClient): void {
    if (this.#seats.has(client) && this.#pool.listenerCount('error') > 0) this.#pool.emit('error', error, client)
  }

  /** A lease may also have been ended past us, through the manager. */
  #tellIfDrained(): void {
    const onDrained = this.#onDrained
    if (onDrained === undefined) return
    if ([...this.#seats.values()].some(({ client, isTaken }) => isTaken && this.#source.isLeased(client))) return
    this.#onDrained = undefined
    onDrained()
  }
}

function releaseOf({ release }: Releasable): Releasable['release'] {
  return release
}

/** `pg` keeps the process number that the server told, which its types leave out. */
function backendOf(client: pg.PoolClient): unknown {
  return Reflect.get(client, 'processID')
}
