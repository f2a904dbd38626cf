import { addSlices, peakOf } from './rate-meter.ts'
import type { Slices } from './rate-meter.ts'
import { PHASES } from './phases.ts'
import type { Phase } from './phases.ts'

/** What one host had to do in a phase, over time. */
export interface HostLoad {
  /** Connects of pools, and those of probes, that the host had to work for. */
  readonly poolConnects: Slices
  readonly probeConnects: Slices
  /** Connects that met nobody, or a server that was starting. */
  readonly refusals: Slices
  readonly probes: Slices
}

/** What a phase was like for the whole fleet, or for a part of it. */
export interface PhaseResult {
  /** Its place in `PHASES`. */
  readonly phase: number
  readonly processes: number
  readonly hosts: readonly HostLoad[]
  /** From the moment at which a master takes writes until each process has had one acknowledged, sorted. */
  readonly writtenAfterMs: readonly number[]
  /** How many `masterChange` events each process saw: the fewest and the most. */
  readonly masterChanges: readonly [least: number, most: number]
  readonly failedWrites: number
  readonly failedReads: number
}

export function phaseOf({ phase }: PhaseResult): Phase {
  const found = PHASES[phase]
  if (found === undefined) throw new RangeError(`there is no phase ${phase}`)
  return found
}

/** The largest count on any one host in any window of that length. */
export function peak(
  result: PhaseResult,
  what: keyof HostLoad,
  windowMs: number,
  from: number = 0,
  until: number = Infinity,
): number {
  return Math.max(...result.hosts.map((host) => peakOf(host[what], windowMs, from, until)))
}

/** Two parts of a fleet that lived through the same phases side by side. */
export function joinAll(ones: readonly PhaseResult[], others: readonly PhaseResult[]): readonly PhaseResult[] {
  return ones.map((one, index) => {
    const other = others[index]
    if (other === undefined) throw new RangeError('the other part did not live through as much')
    return join(one, other)
  })
}

function join(one: PhaseResult, other: PhaseResult): PhaseResult {
  const add = (what: keyof HostLoad, index: number): Slices => {
    const [mine, others] = [one.hosts[index]?.[what], other.hosts[index]?.[what]]
    return mine === undefined || others === undefined ? [] : addSlices(mine, others)
  }
  return {
    phase: one.phase,
    processes: one.processes + other.processes,
    hosts: one.hosts.map((_, index) => ({
      poolConnects: add('poolConnects', index),
      probeConnects: add('probeConnects', index),
      refusals: add('refusals', index),
      probes: add('probes', index),
    })),
    writtenAfterMs: [...one.writtenAfterMs, ...other.writtenAfterMs].sort((first, second) => first - second),
    masterChanges: [
      Math.min(one.masterChanges[0], other.masterChanges[0]),
      Math.max(one.masterChanges[1], other.masterChanges[1]),
    ],
    failedWrites: one.failedWrites + other.failedWrites,
    failedReads: one.failedReads + other.failedReads,
  }
}
