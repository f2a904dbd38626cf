import type { Driver } from '../driver/driver.ts'
import type { HostId } from '../dsn/host-spec.ts'
import { BasePoolManager } from '../manager/base-pool-manager.ts'
import type { Lookup } from '../network/lookup.ts'
import type { Io } from './io.ts'
import { notingFacts } from './server-facts.ts'
import type { ServerFacts } from './server-facts.ts'
import { openLookup } from './target.ts'
import type { Target } from './target.ts'
import { UsageError } from './usage-error.ts'

/** A manager that watches the hosts for a command, and what their servers say. */
export interface Watching {
  readonly manager: BasePoolManager<unknown, unknown>
  readonly facts: ReadonlyMap<HostId, ServerFacts>
  /** What the hosts are asked with, for further looks. */
  readonly driver: Pick<Driver<unknown, unknown>, 'openProbe'>
  readonly lookup: Lookup
}

/** Of the connect timeout this much is for the host; the rest is for getting there and for saying how it went. */
const SHARE_OF_HOST = 0.85

/**
 * `asking` may put something before the resolver, `watching` round the driver.
 * @throws {UsageError} the package `pg` is not installed.
 */
export async function openManager(
  target: Target,
  refreshDelayMs: number,
  io: Io,
  asking: (lookup: Lookup) => Lookup = (lookup) => lookup,
  watching: (driver: Driver<unknown, unknown>) => Driver<unknown, unknown> = (driver) => driver,
): Promise<Watching> {
  const [{ createPgDriver }, resolver] = await Promise.all([loadPg(io), openLookup(target, io)])
  const lookup = asking(resolver)
  const facts = new Map<HostId, ServerFacts>()
  const connectTimeoutMs = limitOf(target)
  const refreshTimeoutMs = Math.min(connectTimeoutMs, 1_000)
  const options = { connectTimeoutMs, refreshDelayMs, refreshTimeoutMs, clock: io.clock, lookup }
  const driver: Driver<unknown, unknown> = createPgDriver()
  return {
    manager: new BasePoolManager<unknown, unknown>(notingFacts(watching(driver), facts), target.dsn, options),
    facts,
    driver,
    lookup,
  }
}

/** What one host may take, so that the command as a whole answers within the connect timeout. */
export function limitOf({ connectTimeoutMs }: Target): number {
  return connectTimeoutMs * SHARE_OF_HOST
}

export async function loadPg(io: Io): ReturnType<Io['loadPg']> {
  try {
    return await io.loadPg()
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND'
    if (!isMissing) throw error
    const advice = 'npm install pg; without a project: npx -p hasql -p pg hasql …'
    throw new UsageError(`The command needs the package pg, which is not installed: ${advice}`)
  }
}
