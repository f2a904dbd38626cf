/** Dice for generators: the same seed gives the same throws. */
export interface Dice {
  /** An integer from 0 up to but not including `limit`. */
  below(limit: number): number
  /** True in `percent` of 100 throws. */
  chance(percent: number): boolean
  pick<T>(items: readonly T[]): T
}

/** The mulberry32 generator. */
export function seededDice(seed: number): Dice {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  const below = (limit: number): number => next() % limit
  return {
    below,
    chance: (percent) => below(100) < percent,
    pick: (items) => {
      const item = items[below(items.length)]
      if (item === undefined) throw new Error('nothing to pick from')
      return item
    },
  }
}
