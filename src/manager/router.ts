import type { BalancerPolicy, PolicyContext } from '../balancer/policy.ts'
import type { HostId, NonEmpty } from '../dsn/host-spec.ts'
import { HasqlError } from '../errors.ts'
import type { Random } from '../random/random.ts'
import { listFor, suitableHosts } from '../selection/suitable-hosts.ts'
import type { Preference } from '../selection/suitable-hosts.ts'
import type { Target } from '../selection/target.ts'
import type { AnsweringHost } from '../topology/host-description.ts'
import type { Topology } from '../topology/topology.ts'
import type { HostCandidate } from './host-candidate.ts'

/** Chooses a host for a target: the lists of the current snapshot, then the policy. Synchronous, and cached per snapshot. */
export class Router<TConnection, TPool> {
  readonly #candidates: ReadonlyMap<HostId, HostCandidate<TConnection, TPool>>
  readonly #policy: BalancerPolicy
  readonly #context: PolicyContext
  readonly #preference: Preference
  #lists: Lists<TConnection, TPool> = { masters: [], replicas: [], any: [] }

  constructor(
    candidates: ReadonlyMap<HostId, HostCandidate<TConnection, TPool>>,
    policy: BalancerPolicy,
    random: Random,
    preferZone: string | undefined,
    isFresh?: Preference['isFresh'],
  ) {
    this.#candidates = candidates
    this.#policy = policy
    this.#context = Object.freeze({ random })
    this.#preference = {
      isFresh,
      weightOf: ({ hostId }) => candidates.get(hostId)?.preference.weight ?? 1,
      isNear: ({ hostId }) => preferZone === undefined || candidates.get(hostId)?.preference.zone === preferZone,
    }
  }

  /** A new snapshot holds from now on. */
  update(topology: Topology): void {
    const { masters, replicas } = suitableHosts(topology, this.#preference)
    this.#lists = {
      masters: this.#toCandidates(masters),
      replicas: this.#toCandidates(replicas),
      any: this.#toCandidates([...masters, ...replicas]),
    }
  }

  /** The host to try next, without those that were tried in vain; undefined when none is left. */
  choose(target: Target, tried: ReadonlySet<HostId> | undefined): HostCandidate<TConnection, TPool> | undefined {
    const lists = tried === undefined ? this.#lists : without(this.#lists, tried)
    const suitable = listFor(target, lists, this.#context.random)
    return isNonEmpty(suitable) && suitable.length > 1 ? this.#pick(suitable) : suitable[0]
  }

  /** As `choose`, but a host that is shunned only when no other is left. */
  chooseRather(
    target: Target,
    tried: ReadonlySet<HostId> | undefined,
    shunned: ReadonlySet<HostId> | undefined,
  ): HostCandidate<TConnection, TPool> | undefined {
    const rather = shunned === undefined ? undefined : this.choose(target, new Set([...(tried ?? []), ...shunned]))
    return rather ?? this.choose(target, tried)
  }

  #pick(candidates: NonEmpty<HostCandidate<TConnection, TPool>>): HostCandidate<TConnection, TPool> {
    const picked = this.#policy.pick(candidates, this.#context)
    for (const candidate of candidates) if (candidate === picked) return candidate
    throw new HasqlError(
      'ERR_HASQL_POLICY',
      `The balancer policy '${this.#policy.name}' must return one of its candidates`,
    )
  }

  #toCandidates(hosts: readonly AnsweringHost[]): readonly HostCandidate<TConnection, TPool>[] {
    const candidates: HostCandidate<TConnection, TPool>[] = []
    for (const host of hosts) {
      const candidate = this.#candidates.get(host.hostId)
      if (candidate === undefined) continue
      candidate.responseTimeMs = host.responseTimeMs
      candidate.returnedAtMs = host.returnedAtMs
      candidates.push(candidate)
    }
    return candidates
  }
}

interface Lists<TConnection, TPool> {
  readonly masters: readonly HostCandidate<TConnection, TPool>[]
  readonly replicas: readonly HostCandidate<TConnection, TPool>[]
  readonly any: readonly HostCandidate<TConnection, TPool>[]
}

function without<TConnection, TPool>(
  lists: Lists<TConnection, TPool>,
  tried: ReadonlySet<HostId>,
): Lists<TConnection, TPool> {
  const isLeft = ({ hostId }: { readonly hostId: HostId }): boolean => !tried.has(hostId)
  return {
    masters: lists.masters.filter(isLeft),
    replicas: lists.replicas.filter(isLeft),
    any: lists.any.filter(isLeft),
  }
}

function isNonEmpty<T>(list: readonly T[]): list is NonEmpty<T> {
  return list.length > 0
}
