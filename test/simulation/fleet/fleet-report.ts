import type { HostLoad, PhaseResult } from './phase-result.ts'
import { shareOfNaive } from './bounds.ts'
import { peak, phaseOf } from './phase-result.ts'

const LABELS: readonly (readonly [keyof HostLoad, string])[] = [
  ['poolConnects', 'connects of pools'],
  ['probes', 'probes'],
  ['probeConnects', 'connects of probes'],
  ['refusals', 'connects refused'],
]

/** One phase for people; with what a naive fleet did, where that is known, in brackets. */
export function wordPhase(result: PhaseResult, naive?: PhaseResult): string {
  const { processes, writtenAfterMs, masterChanges, failedWrites, failedReads } = result
  const cell = (what: keyof HostLoad, windowMs: number): string => {
    const other = naive === undefined ? '' : ` (${peak(naive, what, windowMs)})`
    return `${peak(result, what, windowMs)}${other}`.padStart(20)
  }
  const [least, most] = masterChanges
  return [
    `${processes} processes, 5 hosts: ${phaseOf(result).name}${naive === undefined ? '' : '; in brackets without limits'}`,
    `  ${'peak on one host'.padEnd(24)}${'in 1 s'.padStart(20)}${'in 100 ms'.padStart(20)}`,
    ...LABELS.map(([what, label]) => `  ${label.padEnd(24)}${cell(what, 1_000)}${cell(what, 100)}`),
    `  every process has written again ${words(writtenAfterMs)} after a master took writes`,
    ...(naive === undefined
      ? []
      : [
          `  without limits: ${words(naive.writtenAfterMs)}`,
          `  peak connects of pools in 1 s: ${(100 * shareOfNaive(result, naive)).toFixed(1)} % of those without limits`,
        ]),
    `  masterChange events in each process: ${least === most ? least : `${least} to ${most}`}; failed writes ${failedWrites}, failed reads ${failedReads}`,
    '',
  ].join('\n')
}

function words(sorted: readonly number[]): string {
  const at = (share: number): string => (sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN).toFixed(0)
  return `${at(0.5)} ms (median), ${at(0.99)} ms (p99), ${at(1)} ms (max)`
}
