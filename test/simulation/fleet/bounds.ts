import type { PhaseResult } from './fleet.ts'

export function missedBounds(_result: PhaseResult): readonly string[] {
  return []
}
