import type { PhaseResult } from './phase-result.ts'

export function missedBounds(_result: PhaseResult): readonly string[] {
  return []
}
