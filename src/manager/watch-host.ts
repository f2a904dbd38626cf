import type { Driver } from '../driver/driver.ts'
import type { AddressBook } from '../network/address-book.ts'
import { HostMonitor } from '../monitor/host-monitor.ts'
import { askingSyncWaits } from '../monitor/sync-wait.ts'
import type { SignsOfLife } from '../pool/signs-of-life.ts'
import type { HostObservation } from '../topology/observation.ts'
import type { TopologyStore } from '../topology/store.ts'
import type { HostCandidate } from './host-candidate.ts'
import type { ManagerCounters } from './manager-counters.ts'
import type { ResolvedOptions } from './options.ts'
import type { ProbeRoute } from './probe-option.ts'
import type { SyncWaits } from './sync-waits.ts'

/** The parts of a manager that the watching of a host works with. */
export interface WatchParts<TConnection, TPool> {
  readonly driver: Driver<TConnection, TPool>
  readonly options: ResolvedOptions
  readonly store: TopologyStore
  readonly addresses: AddressBook
  readonly counters: ManagerCounters
  readonly syncWaits: SyncWaits
}

/** The monitor of one host: its checks take the given route, and a check that is missed is judged beside what the pool receives. */
export function watchHost<TConnection, TPool>(
  { driver, options, store, addresses, counters, syncWaits }: WatchParts<TConnection, TPool>,
  { spec, probes, pool }: HostCandidate<TConnection, TPool>,
  { spec: target, hasOwnCredentials }: ProbeRoute,
): HostMonitor {
  const { signs } = pool
  const watching: Pick<Driver<unknown, unknown>, 'openProbe' | 'classify'> = {
    openProbe: (_spec, given) => driver.openProbe(target, { ...given, hasOwnCredentials }),
    classify: (error, phase) => driver.classify(error, phase),
  }
  return new HostMonitor(askingSyncWaits(watching, syncWaits.listenerFor(spec.hostId)), spec, {
    ...options,
    hold: options.allowExitOnIdle ? 'nothing' : 'process',
    topology: () => store.current,
    observe: (seen) => store.apply(withSigns(seen, signs)),
    lookup: addresses.lookup,
    onStall: () => {
      counters.stalls += 1
      // What came while the event loop stood still may have come before the host fell silent (law 13).
      signs.expect()
    },
    probes: {
      began: (probe) => {
        signs.expect()
        probes.began(probe)
      },
      answered: (answer, roundTripMs) => probes.answered(answer, roundTripMs),
      failed: (fault, cause) => probes.failed(fault, cause),
    },
  })
}

/** A check that was not answered, or whose connection ended, means something else on a host that data arrives from. */
function withSigns<T>(seen: HostObservation, signs: SignsOfLife<T>): HostObservation {
  return seen.kind === 'failed' && seen.isAlive !== true ? { ...seen, isAlive: signs.isSeen } : seen
}
