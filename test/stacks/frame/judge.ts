import { checkHistory } from '../../chaos/history/check-history.ts'
import type { Verdict } from '../../chaos/history/check-history.ts'
import type { Fence, WrittenRow } from '../../chaos/history/write-record.ts'
import type { Write } from './application.ts'

/** Where the final leader's history left each timeline before its own: `switchedAt` in bytes of WAL. */
export interface Fork {
  readonly timeline: number
  readonly switchedAt: number
}

/** The final leader: what it holds, and where it comes from. */
export interface FinalLeader {
  readonly port: number
  readonly timeline: number
  readonly rows: readonly WrittenRow[]
  readonly forks: readonly Fork[]
}

/** A timeline history file: one line for each older timeline (`1\t0/5000098\tno recovery target specified`). */
export function parseForks(file: string): readonly Fork[] {
  return [...file.matchAll(/^(\d+)\s+([0-9A-F]+)\/([0-9A-F]+)/gm)].map(([, timeline, high = '0', low = '0']) => ({
    timeline: Number(timeline),
    switchedAt: Number.parseInt(high, 16) * 2 ** 32 + Number.parseInt(low, 16),
  }))
}

/**
 * Judges the history of a run. A write that is missing was lost by PostgreSQL itself if it was acknowledged on a part of a
 * timeline that the final leader's history leaves out; otherwise it is our loss.
 */
export function judge(writes: readonly Write[], final: FinalLeader, fences: readonly Fence[]): Verdict {
  const kept = new Set(final.rows.map(({ id }) => id))
  const missing = writes.filter(({ id, outcome }) => outcome === 'acknowledged' && !kept.has(id))
  const abandoned = missing.filter((write) => wasAbandoned(write, writes, final))
  const servers = new Set(abandoned.map(({ executor }) => executor?.server ?? 0))
  return checkHistory({
    writes,
    final: { server: final.port, rows: final.rows },
    leftBehind: [...servers].map((server) => ({
      server,
      rows: abandoned.flatMap(({ id, executor }) => (executor?.server === server ? [{ id, ...executor }] : [])),
    })),
    fences,
  })
}

/**
 * The position told with a write lies before its commit, so a write near the fork may have been committed behind it: only what
 * a later write of the same server and timeline still saw before the fork was certainly part of the history.
 */
function wasAbandoned({ executor, lsn, endedAtMs }: Write, writes: readonly Write[], final: FinalLeader): boolean {
  if (executor === undefined || lsn === undefined) return false
  if (executor.timeline === final.timeline) return false
  const fork = final.forks.find(({ timeline }) => timeline === executor.timeline)
  if (fork === undefined) return true
  const sawLater = writes.some(
    (other) =>
      other.executor?.timeline === executor.timeline &&
      other.executor.server === executor.server &&
      other.startedAtMs > endedAtMs &&
      other.lsn !== undefined &&
      other.lsn <= fork.switchedAt,
  )
  return !sawLater
}
