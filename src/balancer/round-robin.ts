import type { HostId, NonEmpty } from '../dsn/host-spec.ts'
import type { Random } from '../random/random.ts'
import type { BalancerPolicy, Candidate, PolicyContext } from './policy.ts'

/** Hosts remembered before those not seen lately are forgotten; at most twice as many, plus two lists, are kept. */
export const REMEMBERED_HOSTS = 256

/** How many picks a host is owed; below zero when it had more than its share. */
interface Account {
  readonly hostId: HostId
  owed: number
}

/**
 * Takes the hosts in turn, each as often as its weight says, spread out evenly (smooth weighted round robin).
 *
 * ```ts
 * new PoolManager(dsn, { balancerPolicy: new RoundRobinBalancerPolicy() })
 * ```
 * Each pick credits every candidate with its share of one pick, chooses the one owed most, and takes that one pick off
 * its account. Accounts belong to hosts, not to positions in a list, so requests for masters and for replicas may
 * alternate, and lists may differ from pick to pick. A host that joins starts at the mean of the others, give or take
 * half a pick at random: it gets its share from the first turn on, no burst, and a fleet that starts at once does not
 * start on one host.
 *
 * The law of the shares: over any run of picks each host gets the sum of `weight / total weight` of the lists it stood
 * in, to within two picks for a list that stays the same; hosts of equal weight follow in strict rotation. A list of
 * one host leaves the accounts as they are.
 */
export class RoundRobinBalancerPolicy implements BalancerPolicy {
  readonly name: string = 'round-robin'
  #accounts = new Map<HostId, Account>()
  #older = new Map<HostId, Account>()
  /** Those of the candidates picked from last, in their order: the next pick is mostly from the same hosts. */
  #listed: readonly Account[] = []

  pick(candidates: NonEmpty<Candidate>, { random }: PolicyContext): Candidate {
    let chosen = candidates[0]
    if (candidates.length === 1) return chosen
    const total = this.#openAccounts(candidates, random)
    let payer: Account | undefined
    let place = 0
    for (const candidate of candidates) {
      const account = this.#listed[place++]
      if (account === undefined) continue
      account.owed += candidate.weight / total
      if (payer !== undefined && account.owed <= payer.owed) continue
      payer = account
      chosen = candidate
    }
    if (payer !== undefined) payer.owed -= 1
    return chosen
  }

  /** Sees to it that the accounts of the candidates are listed in their order. Returns the sum of their weights. */
  #openAccounts(candidates: NonEmpty<Candidate>, random: Random): number {
    let total = 0
    let place = 0
    let isListed = this.#listed.length === candidates.length
    for (const { hostId, weight } of candidates) {
      total += weight
      isListed &&= this.#listed[place++]?.hostId === hostId
    }
    if (!isListed) this.#list(candidates, random)
    return total
  }

  #list(candidates: NonEmpty<Candidate>, random: Random): void {
    if (!candidates.every(({ hostId }) => this.#accounts.has(hostId))) this.#admit(candidates, random)
    this.#listed = candidates.flatMap(({ hostId }) => this.#accounts.get(hostId) ?? [])
  }

  #admit(candidates: NonEmpty<Candidate>, random: Random): void {
    if (this.#accounts.size >= REMEMBERED_HOSTS) {
      this.#older = this.#accounts
      this.#accounts = new Map()
    }
    let owed = 0
    let known = 0
    for (const { hostId } of candidates) {
      const account = this.#accounts.get(hostId) ?? this.#older.get(hostId)
      if (account === undefined) continue
      this.#accounts.set(hostId, account)
      owed += account.owed
      known += 1
    }
    const mean = known === 0 ? 0 : owed / known
    for (const { hostId } of candidates) {
      if (!this.#accounts.has(hostId)) this.#accounts.set(hostId, { hostId, owed: mean + random() - 0.5 })
    }
  }
}
