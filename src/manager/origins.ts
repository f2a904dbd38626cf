import type { DriverConnection } from '../driver/driver.ts'
import { UnknownConnectionError } from '../errors.ts'
import type { HostPool } from '../pool/host-pool.ts'

type Origin<TConnection, TPool> = readonly [HostPool<TConnection, TPool>, DriverConnection<TConnection>]

/** Where the native connections of a manager come from. */
export class Origins<TConnection, TPool> {
  readonly #known = new WeakMap<object, Origin<TConnection, TPool>>()

  add(connection: DriverConnection<TConnection>, pool: HostPool<TConnection, TPool>): void {
    const { native } = connection
    if (isObject(native)) this.#known.set(native, [pool, connection])
  }

  /** The pool and the driver's view of a native connection. @throws {UnknownConnectionError} not from here. */
  of(connection: TConnection): Origin<TConnection, TPool> {
    const known = isObject(connection) ? this.#known.get(connection) : undefined
    if (known === undefined) throw new UnknownConnectionError('foreign')
    return known
  }

  poolOf(connection: object): HostPool<TConnection, TPool> | undefined {
    return this.#known.get(connection)?.[0]
  }

  isLeased(connection: object): boolean {
    const origin = this.#known.get(connection)
    return origin?.[0].leaseOf(origin[1]) !== undefined
  }
}

/** Some drivers' connections are functions. */
function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}
