import type { FleetServer } from './fleet-server.ts'

type Schedule = (inMs: number, act: () => void) => void

/** Something a fleet lives through. */
export interface Phase {
  readonly name: string
  readonly lengthMs: number
  /** How long no master takes writes, from the beginning of the phase on. */
  readonly outageMs: number
  readonly masterChangesOfEach: number
  /** Whether the connections of probes are lost everywhere, too. */
  readonly restartsAll: boolean
  begin(servers: readonly FleetServer[], at: Schedule): void
}

const PROMOTED_AFTER_MS = 5_000
const REPLICA_DOWN_MS = 2_000
const REPLICA_STARTING_MS = 1_000
const REPLICA_GAP_MS = 4_000
const REPLICAS = 4
const OUTAGE_MS = 60_000
const STARTING_MS = 1_000

/** One after the other, on the same fleet. */
export const PHASES: readonly Phase[] = [
  {
    name: 'the master crashes, a replica is promoted after 5 s',
    lengthMs: 11_000,
    outageMs: PROMOTED_AFTER_MS,
    masterChangesOfEach: 1,
    restartsAll: false,
    begin: (servers, at) => {
      const [old, next] = servers
      old?.stop('ECONNRESET')
      at(PROMOTED_AFTER_MS, () => next?.promote(2))
      at(PROMOTED_AFTER_MS + 3_000, () => old?.start('replica', STARTING_MS))
    },
  },
  {
    name: 'the replicas are restarted one after the other',
    lengthMs: REPLICAS * REPLICA_GAP_MS + 1_000,
    outageMs: 0,
    masterChangesOfEach: 0,
    restartsAll: false,
    begin: (servers, at) => {
      servers
        .filter(({ role }) => role === 'replica')
        .forEach((server, index) => {
          at(index * REPLICA_GAP_MS, () => server.stop('57P01'))
          at(index * REPLICA_GAP_MS + REPLICA_DOWN_MS, () => server.start('replica', REPLICA_STARTING_MS))
        })
    },
  },
  {
    name: 'the whole cluster is away for 60 s',
    lengthMs: OUTAGE_MS + STARTING_MS + 4_000,
    outageMs: OUTAGE_MS + STARTING_MS,
    masterChangesOfEach: 0,
    restartsAll: true,
    begin: (servers, at) => {
      for (const server of servers) {
        server.stop('ECONNRESET')
        at(OUTAGE_MS, () => server.start(server.role, STARTING_MS))
      }
    },
  },
]
