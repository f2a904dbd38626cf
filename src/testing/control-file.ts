import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** What a data folder says about its server's last moments. */
export interface ControlFile {
  readonly systemId: bigint
  /** Whether it was a master that shut down cleanly, its last record being the checkpoint. */
  readonly cleanMaster: boolean
  readonly checkpoint: bigint
  readonly timeline: number
}

/**
 * Reads `pg_control`. These fields lie where they lay in every version since 11, in the byte order of the machine,
 * which is little-endian wherever PostgreSQL is packaged for npm.
 */
export function readControlFile(dataFolder: string): ControlFile {
  const bytes = readFileSync(join(dataFolder, 'global', 'pg_control'))
  return {
    systemId: bytes.readBigUInt64LE(0),
    cleanMaster: bytes.readInt32LE(16) === 1,
    checkpoint: bytes.readBigUInt64LE(32),
    timeline: bytes.readUInt32LE(48),
  }
}

/** `0/3000148` as a number. */
export function parseLsn(text: string): bigint {
  const [high = '0', low = '0'] = text.split('/')
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`)
}

/** The timeline a data folder is on, and where each earlier one ended. */
export interface TimelineHistory {
  readonly timeline: number
  readonly forks: ReadonlyMap<number, bigint>
}

/** Reads the newest history file in the folder; a server that was never promoted has none. */
export function readTimelineHistory(dataFolder: string): TimelineHistory {
  const folder = join(dataFolder, 'pg_wal')
  const newest = readdirSync(folder)
    .filter((name) => /^[0-9A-F]{8}\.history$/.test(name))
    .sort()
    .at(-1)
  const forks = new Map<number, bigint>()
  if (newest === undefined) return { timeline: 1, forks }
  for (const line of readFileSync(join(folder, newest), 'utf8').split('\n')) {
    const [, timeline, lsn] = /^\s*(\d+)\s+([0-9A-F]+\/[0-9A-F]+)/.exec(line) ?? []
    if (timeline !== undefined && lsn !== undefined) forks.set(Number(timeline), parseLsn(lsn))
  }
  return { timeline: Number.parseInt(newest.slice(0, 8), 16), forks }
}

/** The timeline of the record that ends at a place of this history. */
export function timelineAt(lsn: bigint, { timeline, forks }: TimelineHistory): number {
  for (const [earlier, fork] of forks) if (lsn <= fork) return earlier
  return timeline
}
