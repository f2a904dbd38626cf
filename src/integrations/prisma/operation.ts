import { BorrowedClient } from '../pg/borrowed-client.ts'
import type { NativeClient } from '../pg/borrowed-client.ts'

/** A call of the application's that only reads. Prisma may make several statements of it: one for each relation. */
export class ReadOperation {
  readonly kind = 'read'
  /** Whether it is known to read, whatever its statements look like. */
  readonly isForced: boolean
  /** Where its statements go: as long as there is none yet, another call may need them on the master. */
  role: 'master' | 'replica'
  readonly #lease: () => Promise<NativeClient>
  #borrowed: Promise<BorrowedClient> | undefined
  #isOver = false

  constructor(role: 'master' | 'replica', isForced: boolean, lease: () => Promise<NativeClient>) {
    this.role = role
    this.isForced = isForced
    this.#lease = lease
  }

  /** Whether its statements share a lease: rows and their relations come from one server, as fresh or as stale as it is. */
  get leases(): boolean {
    return this.role === 'replica' && !this.#isOver
  }

  async query(...args: readonly unknown[]): Promise<unknown> {
    this.#borrowed ??= this.#lease().then((client) => new BorrowedClient(client, 'session'))
    return (await this.#borrowed).query(...args)
  }

  /** Gives the lease back, also one that comes too late. */
  end(): void {
    this.#isOver = true
    void this.#borrowed?.then(
      (client) => client.release(),
      () => undefined,
    )
  }
}

/** A transaction that is about to begin on a replica; nothing but its first connection is meant. */
export interface ReplicaTransaction {
  readonly kind: 'transaction'
  isBegun: boolean
}

/** What runs on behalf of the call that it was made in. */
export type Operation = ReadOperation | ReplicaTransaction
