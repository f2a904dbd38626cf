import { describe, expect, test } from 'vitest'
import type { BalancerPolicy, Candidate } from '../../../src/balancer/policy.ts'
import type { HostId, NonEmpty } from '../../../src/dsn/host-spec.ts'
import { FakeHost, equalHosts, fakeHosts, nonEmpty } from '../../support/fake-host.ts'
import { fiveSigma, seededRandom } from '../../support/seeded-random.ts'
import { expectShares, pickIndex, shares, sharesOf } from '../../support/shares.ts'
import { always, frozen, mixedHosts, shuffled } from './candidate-lists.ts'

const PICKS = 20_000

/** What a policy makes of weights when hosts are equally loaded and equally quick. */
export type WeightLaw = 'by weight' | 'weight ignored'

/** What holds for every policy, the library's own and a user's alike. */
export function policyConformance(name: string, makePolicy: () => BalancerPolicy, weightLaw: WeightLaw): void {
  describe(`balancer policy ${name}`, () => {
    choosing(makePolicy)
    changing(makePolicy)
    sharing(makePolicy, weightLaw)
  })
}

function choosing(makePolicy: () => BalancerPolicy): void {
  test('has a name', () => {
    expect(makePolicy().name).not.toBe('')
  })

  test.each([1, 2, 3, 16, 64])('returns one of %i candidates at once, whatever they are', (count) => {
    const policy = makePolicy()
    const random = seededRandom(count)
    for (let i = 0; i < 200; i += 1) {
      const candidates = mixedHosts(count, random)
      const chosen = policy.pick(candidates, { random })
      expect(candidates.includes(chosen)).toBe(true)
      expect(chosen).not.toBeInstanceOf(Promise)
    }
  })

  test.each([0, 0.5, 0.9999999, 1 - 2 ** -53])('survives dice that always show %d', (face) => {
    const policy = makePolicy()
    const random = seededRandom(7)
    for (let count = 1; count <= 64; count += 1) {
      for (const candidates of [mixedHosts(count, random), equalHosts(count)]) {
        expect(pickIndex(policy, candidates, always(face))).toBeGreaterThanOrEqual(0)
      }
    }
  })

  test('leaves the candidates as they are', () => {
    const policy = makePolicy()
    const candidates = frozen(mixedHosts(5, seededRandom(3)))
    const random = seededRandom(4)
    for (let i = 0; i < 100; i += 1) expect(candidates).toContain(policy.pick(candidates, { random }))
  })
}

function changing(makePolicy: () => BalancerPolicy): void {
  test('picks the same again under the same dice', () => {
    const history = (): readonly HostId[] => {
      const policy = makePolicy()
      const random = seededRandom(11)
      return Array.from({ length: 500 }, (_, i) => policy.pick(mixedHosts(2 + (i % 5), random), { random }).hostId)
    }
    expect(history()).toEqual(history())
  })

  test('follows hosts that join and leave between picks, and does not change two lists for one another', () => {
    const policy = makePolicy()
    const random = seededRandom(5)
    const everybody = mixedHosts(12, random)
    const masters = nonEmpty([new FakeHost('master0'), new FakeHost('master1')])
    for (let i = 0; i < 2_000; i += 1) {
      const some = nonEmpty(shuffled(everybody, random).slice(0, 1 + Math.floor(random() * 12)))
      expect(pickIndex(policy, some, random)).toBeGreaterThanOrEqual(0)
      expect(pickIndex(policy, masters, random)).toBeGreaterThanOrEqual(0)
    }
  })

  test('a newcomer gets its share from the start, no more and no less', () => {
    const policy = makePolicy()
    const random = seededRandom(6)
    const [newcomer, ...old] = equalHosts(4, { responseTimeMs: 2 })
    sharesOf(policy, nonEmpty(old), random, 5_000)
    const seen = sharesOf(policy, [newcomer, ...old], random, 400)
    expectShares(seen, [0.25, 0.25, 0.25, 0.25], (share) => fiveSigma(share, 400))
  })
}

function sharing(makePolicy: () => BalancerPolicy, weightLaw: WeightLaw): void {
  const lists: readonly (readonly [string, NonEmpty<Candidate>])[] = [
    ['two equal hosts', equalHosts(2, { responseTimeMs: 1 })],
    ['16 equal hosts', equalHosts(16, { responseTimeMs: 1 })],
    ['64 equal hosts', equalHosts(64, { leases: 3, responseTimeMs: 1 })],
    ['unmeasured hosts', equalHosts(5)],
    ['a measured and an unmeasured host', fakeHosts({ responseTimeMs: 3 }, {})],
    ['full hosts', equalHosts(3, { leases: 12 })],
  ]
  test.each(lists)('%s share equally', (_name, candidates) => {
    const seen = sharesOf(makePolicy(), candidates, seededRandom(42), PICKS)
    expectShares(seen, shares(candidates.map(() => 1)), (share) => fiveSigma(share, PICKS))
  })

  test.each([[[3, 1]], [[1, 1, 2]], [[0.5, 0.1, 0.25]]])(`hosts of weights %j share ${weightLaw}`, (weights) => {
    const candidates = fakeHosts(...nonEmpty(weights.map((weight) => ({ weight, responseTimeMs: 1 }))))
    const wanted = shares(weightLaw === 'by weight' ? weights : weights.map(() => 1))
    const seen = sharesOf(makePolicy(), candidates, seededRandom(43), PICKS)
    expectShares(seen, wanted, (share) => fiveSigma(share, PICKS))
  })
}
