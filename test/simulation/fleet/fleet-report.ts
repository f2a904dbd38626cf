import type { PhaseResult } from './fleet.ts'

/** One phase for people. */
export function wordPhase(result: PhaseResult): string {
  const { phase, processes, peaks, writtenAfterMs, masterChanges, failedWrites, failedReads } = result
  const row = (what: string, perSecond: number, in100ms: number | undefined): string =>
    `  ${what.padEnd(44)}${String(perSecond).padStart(8)}${in100ms === undefined ? '' : String(in100ms).padStart(10)}`
  const [least, most] = masterChanges
  return [
    `${processes} processes, 5 hosts: ${phase.name}`,
    `  ${'peak on one host'.padEnd(44)}${'in 1 s'.padStart(8)}${'in 100 ms'.padStart(10)}`,
    row('connects of pools', peaks.connects1s, peaks.connects100ms),
    row('probes', peaks.probes1s, peaks.probes100ms),
    row('connects of probes', peaks.probeConnects1s, undefined),
    row('connects refused', peaks.refusals1s, undefined),
    row('connects refused, second half of the outage', peaks.lateRefusals1s, undefined),
    `  every process has written again ${words(writtenAfterMs)} after a master took writes`,
    `  masterChange events in each process: ${least === most ? least : `${least} to ${most}`}; failed writes ${failedWrites}, failed reads ${failedReads}`,
  ].join('\n')
}

function words(sorted: readonly number[]): string {
  const at = (share: number): string => (sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN).toFixed(0)
  return `${at(0.5)} ms (median), ${at(0.99)} ms (p99), ${at(1)} ms (max)`
}
