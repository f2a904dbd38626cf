import type postgres from 'postgres'
import type { BoundLease } from '../../driver/driver.ts'
import { UnknownConnectionError } from '../../errors.ts'
import { isSql } from './leased-sql.ts'
import type { PostgresPool } from './pool.ts'
import { poolSql } from './pool-sql.ts'
import type { Slot } from './slot.ts'
import { refused } from './sql.ts'

/** An `sql` whose statements run on one host, whatever its role is: the driver's pool as `pools` and `getMasterPools` give it. */
export function hostSql(pool: PostgresPool<postgres.Sql>, hostId: string, parameters: () => unknown): postgres.Sql {
  const sql = poolSql(
    pool.template,
    {
      share: (query) => pool.share(query),
      lease: (granted, failed) =>
        pool.checkOut((error, slot) => {
          if (slot === undefined) return failed(error)
          slot.bind(new HostLease(slot))
          granted(slot)
        }),
    },
    {
      name: hostId,
      listen: refused('listen', 'use listen of db.master, which follows the master'),
      parameters,
      ended: () => Promise.resolve(),
    },
  )
  if (isSql(sql)) return sql
  throw new TypeError('This is no sql')
}

/** A lease that the manager knows nothing of, of who took the connection past it. */
class HostLease implements BoundLease {
  readonly #slot: Slot
  #isEnded = false

  constructor(slot: Slot) {
    this.#slot = slot
  }

  release(destroy: boolean): void {
    if (this.#isEnded) throw new UnknownConnectionError('released')
    this.#isEnded = true
    this.#slot.giveBack(destroy)
  }

  dispose(): void {
    if (!this.#isEnded) this.release(false)
  }
}
