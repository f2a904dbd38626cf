import { hostIdOf } from '../../src/dsn/host-id.ts'
import { HostMonitor } from '../../src/monitor/host-monitor.ts'
import type { Random } from '../../src/random/random.ts'
import type { Hold } from '../../src/time/clock.ts'
import { ms } from '../../src/time/milliseconds.ts'
import type { RoleAnswer, HostObservation } from '../../src/topology/observation.ts'
import { TopologyStore } from '../../src/topology/store.ts'
import type { Topology } from '../../src/topology/topology.ts'
import { initialTopology } from '../../src/topology/topology.ts'
import { parse } from './dsn/read.ts'
import { FakeClock } from './fake-clock.ts'
import { noLookup } from './no-lookup.ts'
import { ScriptedDriver } from './scripted/driver.ts'
import type { ScriptedHost } from './scripted/host.ts'

export interface MonitorRig {
  readonly clock: FakeClock
  readonly monitor: HostMonitor
  readonly host: ScriptedHost
  /** How many rounds got more time because the event loop stood still. */
  readonly stalls: () => number
  readonly topology: () => Topology
  /** The other host answers so; it is a master at first, unless `masterless`. */
  readonly otherIs: (changes: Partial<RoleAnswer>) => void
  /** What was observed, in order. */
  readonly seen: HostObservation[]
  /** The same in words. */
  readonly told: () => readonly string[]
}

/** One monitor of a replica; another host is the master, unless `masterless`. Probes are 1000 ms apart. */
export function watch({
  masterless = false,
  hold = 'process',
  random = () => 0,
}: { masterless?: boolean; hold?: Hold; random?: Random } = {}): MonitorRig {
  const clock = new FakeClock()
  const driver = new ScriptedDriver(clock)
  const seen: HostObservation[] = []
  let stalls = 0
  const dsn = parse('postgresql://u@db,other')
  const initial = initialTopology([dsn.hosts[0].hostId, hostIdOf('other', 5432)], clock.nowMs())
  const store = new TopologyStore(initial, { multiMaster: false }, () => undefined)
  const monitor = new HostMonitor(driver, dsn.hosts[0], {
    clock,
    random,
    hold,
    refreshDelayMs: ms(1_000),
    refreshTimeoutMs: ms(500),
    connectTimeoutMs: ms(3_000),
    topology: () => store.current,
    observe: (observation) => {
      seen.push(observation)
      store.apply(observation)
    },
    lookup: noLookup,
    onStall: () => {
      stalls += 1
    },
    probes: { began: () => undefined, answered: () => undefined, failed: () => undefined },
  })
  let count = 0
  const otherIs = (changes: Partial<RoleAnswer>): void => {
    count += 1
    const answer = {
      inRecovery: false,
      readOnlyDefault: false,
      timeline: 1,
      lsn: 1n,
      reachedTimeline: undefined,
      receivedTimeline: undefined,
      receiver: undefined,
      serverAddress: undefined,
      lifeBeganMs: undefined,
      systemId: '7000',
      incarnation: 'x',
      ...changes,
    }
    const evidence = { probe: count, generation: undefined }
    const hostId = hostIdOf('other', 5432)
    store.apply({ kind: 'answered', hostId, atMs: clock.nowMs(), evidence, answer, roundTripMs: ms(1) })
  }
  if (!masterless) otherIs({})
  const host = driver.host('db')
  const told = (): readonly string[] => seen.map((each) => (each.kind === 'failed' ? each.fault : 'answered'))
  return { clock, monitor, host, stalls: () => stalls, topology: () => store.current, otherIs, seen, told }
}
