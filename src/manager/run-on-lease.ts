import { codeOf } from '../driver/classify-error.ts'
import { retiresConnection } from '../driver/session-end.ts'
import type { HostPool } from '../pool/host-pool.ts'
import type { Lease } from '../pool/lease.ts'
import type { Engine } from './engine.ts'
import type { RunFailure } from './retry-policy.ts'

/** How many causes of causes are looked at. */
const CHAIN_LIMIT = 8

/**
 * Runs a function with a leased connection and gives the connection back, once, however the function ends: a rejection
 * that means a dead or wrong host destroys it. The function's own rejection is passed on.
 */
export async function runOnLease<TConnection, TPool, T>(
  engine: Engine<TConnection, TPool>,
  connection: TConnection,
  fn: (connection: TConnection) => Promise<T> | T,
  onFailure?: (failure: RunFailure) => void,
): Promise<T> {
  // This lease and no other: `fn` may give the connection back itself, and somebody else lease it meanwhile.
  const [pool, driverConnection] = engine.origins.of(connection)
  const lease = pool.leaseOf(driverConnection)
  let destroy = false
  try {
    return await fn(connection)
  } catch (error) {
    const failure = describeRun(error, engine, pool, lease)
    destroy = failure.isRetired
    onFailure?.(failure)
    throw error
  } finally {
    lease?.dispose(destroy)
  }
}

function describeRun<TConnection, TPool>(
  error: unknown,
  { driver }: Engine<TConnection, TPool>,
  pool: HostPool<TConnection, TPool>,
  lease: Lease<TConnection> | undefined,
): RunFailure {
  const chain = chainOf(error)
  const faults = chain.map((each) => driver.classify(each, 'session'))
  const spoilt = chain.findIndex((each, place) => retiresConnection(each, faults[place]))
  // A driver's own timeout has no code, and no message of the server told anybody of it.
  if (spoilt >= 0 && lease?.isDoomed === false && codeOf(chain[spoilt]) === undefined) {
    pool.failed(lease.held.connection, chain[spoilt])
  }
  return {
    chain,
    host: pool.hostId,
    isOurs: lease !== undefined && (lease.held.connection.isClosed() || chain.includes(lease.failure)),
    fault: faults.find((fault) => fault !== undefined),
    isRetired: spoilt >= 0,
    outcome: lease?.outcome ?? 'unknown',
  }
}

/** An error and its causes, as far as there are any: what the driver said is somewhere in there. */
function chainOf(error: unknown): readonly [unknown, ...unknown[]] {
  const chain: [unknown, ...unknown[]] = [error]
  let inner = error
  while (chain.length < CHAIN_LIMIT && inner instanceof Error && inner.cause !== undefined) {
    inner = inner.cause
    chain.push(inner)
  }
  return chain
}
