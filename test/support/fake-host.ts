import type { Candidate } from '../../src/balancer/policy.ts'
import { hostIdOf } from '../../src/dsn/host-id.ts'
import type { HostId, NonEmpty } from '../../src/dsn/host-spec.ts'

/** What a test may say of a host; the rest is a pool of 10, no leases, not measured, weight 1. */
export interface FakeHostOptions {
  readonly leases?: number
  readonly capacity?: number
  readonly responseTimeMs?: number | undefined
  readonly weight?: number
}

/** A host as a policy sees it, whose leases a test may change. */
export class FakeHost implements Candidate {
  readonly hostId: HostId
  leases: number
  readonly capacity: number
  readonly responseTimeMs: number | undefined
  readonly weight: number

  constructor(name: string, options: FakeHostOptions = {}) {
    this.hostId = hostIdOf(name, 5432)
    this.leases = options.leases ?? 0
    this.capacity = options.capacity ?? 10
    this.responseTimeMs = options.responseTimeMs
    this.weight = options.weight ?? 1
  }

  get free(): number {
    return this.capacity - this.leases
  }
}

/** As many hosts as `options` has entries, named db0, db1 and so on. */
export function fakeHosts(...options: NonEmpty<FakeHostOptions>): NonEmpty<FakeHost> {
  return nonEmpty(options.map((each, index) => new FakeHost(`db${index}`, each)))
}

/** `count` hosts that are all alike. */
export function equalHosts(count: number, options: FakeHostOptions = {}): NonEmpty<FakeHost> {
  return nonEmpty(Array.from({ length: count }, (_, index) => new FakeHost(`db${index}`, options)))
}

export function nonEmpty<T>(items: readonly T[]): NonEmpty<T> {
  const [first, ...rest] = items
  if (first === undefined) throw new Error('the list is empty')
  return [first, ...rest]
}
