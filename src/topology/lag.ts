import type { AnsweringHost, Lag } from './host-description.ts'
import { detachmentOf } from './host-description.ts'
import type { Wal } from './wal.ts'

const NONE: Lag = Object.freeze({ bytes: 0, ms: 0 })

/**
 * How far a host was behind the master when it answered last, as far as the checks can tell; undefined: nobody knows. In
 * time it counts from the last moment at which the master had not gone beyond what the host has, by the manager's own
 * clock: none while the host has all that the master was seen to have, however long the master has written nothing.
 */
export function lagOf(host: AnsweringHost, wal: Wal): Lag | undefined {
  if (isWritable(host)) return NONE
  const newest = wal.samples.at(-1)
  const asOfMs = upToDateAsOfMs(host, wal)
  if (newest === undefined || asOfMs === undefined) return undefined
  const bytes = bytesBehind(host, wal)
  return bytes === 0 ? NONE : Object.freeze({ bytes, ms: Math.max(0, host.seenAtMs - asOfMs) })
}

/**
 * The latest moment of which it is known that the replica has everything that the master had written by then. What the
 * replica has of a timeline that it has reached for certain counts; of a newer one that it may be on nothing is known, and
 * nothing of one that is not shown to follow the master (law 18).
 */
export function upToDateAsOfMs(host: AnsweringHost, wal: Wal): number | undefined {
  const { systemId, reachedTimeline, lsn } = host.answer
  if (detachmentOf(host) !== undefined) return undefined
  if (reachedTimeline === undefined || lsn === undefined || systemId !== wal.systemId) return undefined
  for (let index = wal.samples.length - 1; index >= 0; index -= 1) {
    const sample = wal.samples[index]
    if (sample !== undefined && sample.timeline <= reachedTimeline && sample.lsn <= lsn) return sample.atMs
  }
  return undefined
}

/** By how many bytes the replica is behind where the master was seen last; undefined on another timeline. */
export function bytesBehind(host: AnsweringHost, wal: Wal): number | undefined {
  const newest = wal.samples.at(-1)
  const { systemId, reachedTimeline, lsn } = host.answer
  if (detachmentOf(host) !== undefined) return undefined
  if (newest === undefined || lsn === undefined || systemId !== wal.systemId) return undefined
  if (reachedTimeline !== newest.timeline) return undefined
  return lsn >= newest.lsn ? 0 : Number(newest.lsn - lsn)
}

/** It takes the writes itself. */
export function isWritable({ kind }: AnsweringHost): boolean {
  return kind === 'master' || kind === 'read-only-master'
}
