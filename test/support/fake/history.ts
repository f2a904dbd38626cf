/** A stretch of WAL history: what one promotion began, and where it left the stretch before it. */
export interface Branch {
  readonly timeline: number
  readonly systemId: string
  readonly parent: Branch | undefined
  /** The last position of `parent` that belongs to this history. */
  readonly forkLsn: number
  /** The writes executed on it, with their positions. */
  readonly writes: Map<number, number>
}

/** A write that a server has executed. */
export interface JournalEntry {
  readonly writeId: number
  readonly branch: Branch
  readonly lsn: number
}

/** The first branch of a cluster. */
export function firstBranch(systemId: string, timeline: number): Branch {
  return { timeline, systemId, parent: undefined, forkLsn: 0, writes: new Map() }
}

/**
 * Whether a write is part of the history that ends in `branch`. One that is not was lost by PostgreSQL itself: a standby
 * that had not received it was promoted, or a master that was left behind went on writing.
 */
export function isInHistory(branch: Branch, { branch: written, lsn }: JournalEntry): boolean {
  let limit = Infinity
  for (let at: Branch | undefined = branch; at !== undefined; at = at.parent) {
    if (at === written) return lsn <= limit
    limit = Math.min(limit, at.forkLsn)
  }
  return false
}

/** How much of one history belongs to another as well; 0 when nothing does. */
export function sharedUpTo(branch: Branch, other: Branch): number {
  let limit = Infinity
  for (let at: Branch | undefined = branch; at !== undefined; at = at.parent) {
    if (at === other) return limit
    limit = Math.min(limit, at.forkLsn)
  }
  return 0
}

/** Whether who has replayed the history up to `lsn` sees a write. */
export function sees(branch: Branch, lsn: number, writeId: number): boolean {
  let limit = lsn
  for (let at: Branch | undefined = branch; at !== undefined; at = at.parent) {
    const written = at.writes.get(writeId)
    if (written !== undefined) return written <= limit
    limit = Math.min(limit, at.forkLsn)
  }
  return false
}
