import type { Random } from '../../src/random/random.ts'

/**
 * Dice that fall the same way for the same seed.
 *
 * ```ts
 * const random = seededRandom(42)
 * ```
 * The generator is mulberry32 by Tommy Ettinger (public domain): 32 bits of state, period 2^32. For tests only.
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * Counts what `draw` returns in `times` calls, as shares that add up to 1.
 *
 * ```ts
 * const shares = frequencies(100_000, () => policy.pick(candidates, { random }).hostId)
 * ```
 */
export function frequencies(times: number, draw: () => string): Map<string, number> {
  const counts = new Map<string, number>()
  for (let i = 0; i < times; i += 1) {
    const drawn = draw()
    counts.set(drawn, (counts.get(drawn) ?? 0) + 1)
  }
  return new Map([...counts].map(([drawn, count]) => [drawn, count / times]))
}

/** Five standard deviations of a share of `share` seen in `times` draws: chance crosses it once in 1.7 million. */
export function fiveSigma(share: number, times: number): number {
  return 5 * Math.sqrt((share * (1 - share)) / times)
}
