import type { Random } from './random.ts'

/** The engine's own dice. Not for secrets. */
export const systemRandom: Random = () => Math.random()
