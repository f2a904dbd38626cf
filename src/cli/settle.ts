import type { Clock } from '../time/clock.ts'
import { ms } from '../time/milliseconds.ts'
import type { Reason } from './verdict.ts'

/** How often what is in doubt is judged again. */
const STEP_MS = 250

/**
 * Judges again and again until everything that may be wrong for a moment only has lasted, or has gone; returns what is wrong then.
 * Returns at once when nothing is in doubt, and after the longest time that anything needs, whatever happens; but not before the look
 * that was taken `again`, which must end by itself, has been judged.
 */
export async function settledReasons(
  judge: () => readonly Reason[],
  clock: Clock,
  again: (reasons: readonly Reason[]) => Promise<void>,
): Promise<readonly Reason[]> {
  const startMs = clock.nowMs()
  let since = new Map<string, number>()
  let looking: 'not yet' | 'under way' | 'over' = 'not yet'
  for (;;) {
    const nowMs = clock.nowMs()
    const reasons = judge()
    since = new Map(reasons.map((reason) => [keyOf(reason), since.get(keyOf(reason)) ?? nowMs]))
    const isSettled = (reason: Reason): boolean =>
      reason.settling === undefined || nowMs - (since.get(keyOf(reason)) ?? nowMs) >= reason.settling.forMs
    const doubts = reasons.filter((reason) => !isSettled(reason))
    const longestMs = Math.max(0, ...doubts.map(({ settling }) => (settling?.forMs ?? 0) + 2 * STEP_MS))
    const isOver = doubts.length === 0 || nowMs - startMs >= longestMs
    if (isOver && looking !== 'under way') return reasons.filter(isSettled)
    if (looking === 'not yet') {
      looking = 'under way'
      void again(doubts).finally(() => (looking = 'over'))
    }
    await new Promise<void>((resolve) => void clock.setTimer(ms(STEP_MS), resolve, 'process'))
  }
}

function keyOf({ problem, host, settling }: Reason): string {
  return `${problem} ${host ?? ''} ${settling?.evidence ?? ''}`
}
