import type { HostId } from '../dsn/host-spec.ts'
import type { AnsweringHost, HostDescription } from './host-description.ts'
import { isAnswering } from './host-description.ts'
import type { Lineage } from './lineage.ts'
import { NO_LINEAGE, traceLineage, withAbandoned } from './lineage.ts'
import type { HostObservation } from './observation.ts'

/** How far the master had written: at `atMs`, on the manager's clock, it had certainly not gone beyond `lsn`. */
export interface WalSample {
  readonly atMs: number
  readonly timeline: number
  readonly lsn: bigint
}

/**
 * What is remembered of the write-ahead log of the cluster: where its master was when, and who has how much of it. Immutable.
 * A class, so that a topology can be logged as JSON, which has no word for such large numbers.
 */
export class Wal {
  /** The cluster that the rest is about. */
  readonly systemId: string | undefined
  readonly lineage: Lineage
  readonly #samples: readonly WalSample[]

  constructor(systemId: string | undefined, samples: readonly WalSample[], lineage: Lineage) {
    this.systemId = systemId
    this.#samples = samples
    this.lineage = lineage
    Object.freeze(this)
  }

  /** Oldest first, at most `SAMPLES_KEPT`; of a position at which the master stood still the latest moment. */
  get samples(): readonly WalSample[] {
    return this.#samples
  }
}

/** The history covers hours at a check a second, in ever larger steps the older it is. */
export const SAMPLES_KEPT = 128

export const NO_WAL: Wal = new Wal(undefined, Object.freeze([]), NO_LINEAGE)

/** The memory after an observation; the very same object when that tells nothing of the log. `hosts` are ranked. */
export function recordWal(
  before: Wal,
  seen: HostObservation,
  previous: HostDescription | undefined,
  hosts: ReadonlyMap<HostId, HostDescription>,
): Wal {
  if (seen.kind !== 'answered') return before
  const host = hosts.get(seen.hostId)
  if (host === undefined || !isAnswering(host)) return before
  const { systemId } = host.answer
  if (systemId === undefined || (host.kind !== 'master' && host.kind !== 'replica')) return before
  const known = before.systemId === systemId ? before : NO_WAL
  const samples = host.kind === 'master' ? addSample(known.samples, sampleOf(host)) : known.samples
  const kept = host.kind === 'master' ? withAbandoned(known.lineage, host.answer, known.samples) : known.lineage
  const lineage = traceLineage(kept, host, previous, hosts)
  if (samples === before.samples && lineage === before.lineage) return before
  return new Wal(systemId, samples, lineage)
}

/** The position was read after the question was sent: then, the master had written that much at most. */
function sampleOf({ answer: { timeline, lsn }, seenAtMs, roundTripMs }: AnsweringHost): WalSample | undefined {
  if (timeline === undefined || lsn === undefined) return undefined
  return Object.freeze({ atMs: seenAtMs - roundTripMs, timeline, lsn })
}

function addSample(samples: readonly WalSample[], sample: WalSample | undefined): readonly WalSample[] {
  if (sample === undefined) return samples
  const kept = samples.filter((earlier) => !isContradicted(earlier, sample))
  const last = kept.at(-1)
  const isSame = last?.timeline === sample.timeline && last.lsn === sample.lsn
  return Object.freeze(thinned([...(isSame ? kept.slice(0, -1) : kept), sample]))
}

/**
 * What a master has not, and was seen to have before, is in no history any more: the timeline of a mistaken promotion was
 * given up, a rival took over, or a crash lost what was not flushed. What lies before that is true still.
 */
function isContradicted({ timeline, lsn }: WalSample, now: WalSample): boolean {
  return timeline > now.timeline || (timeline === now.timeline && lsn > now.lsn)
}

/**
 * The one goes whose gap would be the smallest for its age: the steps grow with the age, and what is looked up is found a
 * little too old, never too new.
 */
function thinned(samples: readonly WalSample[]): readonly WalSample[] {
  if (samples.length <= SAMPLES_KEPT) return samples
  const newestMs = samples.at(-1)?.atMs ?? 0
  let [least, index] = [Infinity, 0]
  for (let at = 1; at < samples.length - 1; at += 1) {
    const [older, self, newer] = [samples[at - 1], samples[at], samples[at + 1]]
    if (older === undefined || self === undefined || newer === undefined) continue
    const gap = (newer.atMs - older.atMs) / (newestMs - self.atMs)
    if (gap < least) [least, index] = [gap, at]
  }
  return samples.toSpliced(index, 1)
}
