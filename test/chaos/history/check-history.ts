import type { History, Holding, WriteRecord, WrittenRow } from './write-record.ts'

/** What can be wrong with a history. */
export type ViolationKind =
  /** Acknowledged, and neither on the final timeline nor lost by PostgreSQL itself. */
  | 'lost'
  /** Executed more than once. */
  | 'doubled'
  /** Reported as not executed, and there all the same. */
  | 'executed-after-all'
  /** Handed to a host while the manager held it for unfit. */
  | 'sent-to-fenced'
  /** Acknowledged on a timeline that was known to be left behind when the write was sent. */
  | 'stale-timeline'
  /** A row that nobody wrote. */
  | 'stranger'

export interface Violation {
  readonly kind: ViolationKind
  readonly id: number
  readonly text: string
}

/** What the checker found, and how much there was to check. */
export interface Verdict {
  readonly violations: readonly Violation[]
  readonly acknowledged: number
  readonly unknown: number
  readonly notExecuted: number
  /** Acknowledged writes that PostgreSQL lost: their server was left behind before they were replicated. */
  readonly lostByPostgres: number
}

/**
 * Judges a run by what the application was told and what the servers hold: no acknowledged write is lost or executed
 * twice through the manager's doing, none goes to a host it had fenced, and what is said not to be executed is not.
 *
 * ```ts
 * const { violations } = checkHistory({ writes, final, leftBehind, fences })
 * ```
 */
export function checkHistory(history: History): Verdict {
  const found = new Map<number, WrittenRow[]>()
  const holdings = [history.final, ...history.leftBehind]
  for (const { rows = [] } of holdings) {
    for (const row of rows) found.set(row.id, [...(found.get(row.id) ?? []), row])
  }
  const kept = new Set((history.final.rows ?? []).map(({ id }) => id))
  const missing = history.writes.filter(({ id, outcome }) => outcome === 'acknowledged' && !kept.has(id))
  const lost = missing.filter((write) => !wasLostByPostgres(write, history.leftBehind))
  const count = (outcome: WriteRecord['outcome']): number =>
    history.writes.filter((write) => write.outcome === outcome).length
  return {
    violations: [
      ...lost.map(({ id, executor }) => violation('lost', id, `acknowledged by ${executor?.server ?? 'nobody'}`)),
      ...holdings.flatMap(doubledIn),
      ...[...found].flatMap(([id, rows]) => executedTwice(id, rows)),
      ...history.writes.flatMap((write) => wronglyDenied(write, found)),
      ...history.writes.flatMap((write) => wronglySent(write, history)),
      ...strangers(found, history.writes),
    ],
    acknowledged: count('acknowledged'),
    unknown: count('unknown'),
    notExecuted: count('not-executed'),
    lostByPostgres: missing.length - lost.length,
  }
}

function violation(kind: ViolationKind, id: number, text: string): Violation {
  return { kind, id, text: `${kind}: write ${id} ${text}` }
}

/** Its server was left behind, and still holds it, or has lost all of its data. */
function wasLostByPostgres({ id, executor }: WriteRecord, leftBehind: readonly Holding[]): boolean {
  return leftBehind.some(
    ({ server, rows }) => server === executor?.server && (rows === undefined || rows.some((row) => row.id === id)),
  )
}

function doubledIn({ server, rows = [] }: Holding): readonly Violation[] {
  const seen = new Set<number>()
  return rows.flatMap(({ id }) => {
    if (seen.has(id)) return [violation('doubled', id, `is on ${server} more than once`)]
    seen.add(id)
    return []
  })
}

/** The same row on several servers is replication; rows that name different executors are not. */
function executedTwice(id: number, rows: readonly WrittenRow[]): readonly Violation[] {
  const executors = new Set(rows.map(({ server, timeline }) => `${server} on timeline ${timeline}`))
  return executors.size > 1 ? [violation('doubled', id, `was executed by ${[...executors].join(' and ')}`)] : []
}

function wronglyDenied({ id, outcome, error }: WriteRecord, found: ReadonlyMap<number, unknown>): readonly Violation[] {
  if (outcome !== 'not-executed' || !found.has(id)) return []
  return [violation('executed-after-all', id, `is there, but the application was told: ${String(error)}`)]
}

function wronglySent({ id, sendings, executor }: WriteRecord, { fences }: History): readonly Violation[] {
  const fenced = sendings.flatMap(({ host, atMs }) =>
    fences
      .filter((fence) => fence.host === host && atMs > fence.fromMs && atMs < fence.untilMs)
      .map((fence) => ({ host, lateMs: atMs - fence.fromMs })),
  )
  const highest = sendings.at(-1)?.highestTimeline ?? 0
  return [
    ...fenced.map(({ host, lateMs }) =>
      violation('sent-to-fenced', id, `went to ${host}, which was out of use for ${lateMs.toFixed(2)} ms then`),
    ),
    ...(executor !== undefined && executor.timeline < highest
      ? [violation('stale-timeline', id, `was executed on timeline ${executor.timeline} when ${highest} was known`)]
      : []),
  ]
}

function strangers(found: ReadonlyMap<number, unknown>, writes: readonly WriteRecord[]): readonly Violation[] {
  const sent = new Set(writes.filter(({ sendings }) => sendings.length > 0).map(({ id }) => id))
  return [...found.keys()].filter((id) => !sent.has(id)).map((id) => violation('stranger', id, 'was sent by nobody'))
}
