import { seededRandom } from '../support/seeded-random.ts'
import { between, chance, oneOf, whole } from '../support/fake/dice.ts'
import type { Random } from '../../src/random/random.ts'

export const FAULTS = [
  'stop',
  'crash',
  'bounce',
  'failover',
  'switchover',
  'freeze',
  'cut',
  'cut one way',
  'refuse',
  'not ready',
  'full',
  'access',
  'slow authentication',
  'slow',
  'backend killed',
  'all backends killed',
  'double promotion',
  'foreign cluster',
  'read-only master',
  'replay paused',
  'answer dropped',
  'flap',
  'demotion',
  'silent demotion',
  'misled sessions',
  'half-dead master',
  'clients cut',
  'peers cut',
  'look-ups hang',
  'pooler errors',
  'lying hints',
  'busy pooler',
  'paused pooler',
  'stranded replica',
  'mistaken promotion',
  'lying host',
] as const

/** Something that goes wrong, and how long it lasts. `host` counts from 0. */
export interface Fault {
  readonly kind: (typeof FAULTS)[number]
  readonly host: number
  readonly atMs: number
  readonly forMs: number
}

/** The event loop stands still for `forMs`, from `atMs` on or as soon after that as a probe has been asked. */
export interface Stall {
  readonly atMs: number
  readonly forMs: number
  readonly meetsProbe: boolean
}

/** How a run ends: after a quiet period in which everything must come right, or in the middle of it all. */
export type Ending =
  | { readonly kind: 'quiet' }
  | { readonly kind: 'close'; readonly atMs: number; readonly timeoutMs: number }
  | { readonly kind: 'terminate'; readonly atMs: number }

/** Everything that a run is made of, drawn from its seed. */
export interface Scenario {
  readonly seed: number
  readonly hosts: number
  readonly hasRights: boolean
  readonly capacity: number
  readonly policy: 'greedy' | 'random-weighted' | 'round-robin' | 'power-of-two'
  readonly options: {
    readonly acquireTimeoutMs: number
    readonly refreshDelayMs: number
    readonly refreshTimeoutMs: number
    readonly connectTimeoutMs: number
    readonly fallbackMaster: boolean
    readonly masterAsReplicaWeight: number
    readonly allowExitOnIdle: boolean
    readonly maxReplicaLagMs?: number
  }
  readonly chaosMs: number
  readonly faults: readonly Fault[]
  readonly stalls: readonly Stall[]
  /** Mean time between two calls of `acquire`, and the longest a lease is kept as a rule. */
  readonly callGapMs: number
  readonly holdMs: number
  readonly ending: Ending
  /** Whether standbys show our user which timeline they receive. */
  readonly showsTimelines: boolean
  /**
   * Whether the application knows endpoints instead of the servers behind them: one for writes, or `both`, one for writes and one
   * for reads. They leave open connections where they are.
   */
  readonly endpoints: 'none' | 'writer' | 'both'
}

/** The same seed gives the same scenario. */
export function scenarioOf(seed: number): Scenario {
  const random = seededRandom(seed)
  const chaosMs = between(random, 1_000, 9_000)
  const hosts = oneOf(random, [1, 2, 2, 3, 3, 3, 4, 5])
  const scenario: Scenario = {
    seed,
    hosts,
    hasRights: !chance(random, 0.05),
    capacity: whole(random, 1, 4),
    policy: oneOf(random, ['greedy', 'random-weighted', 'round-robin', 'power-of-two']),
    options: {
      acquireTimeoutMs: oneOf(random, [300, 1_000, 5_000]),
      refreshDelayMs: oneOf(random, [200, 1_000]),
      refreshTimeoutMs: oneOf(random, [200, 1_000]),
      connectTimeoutMs: oneOf(random, [500, 3_000]),
      fallbackMaster: chance(random, 0.4),
      masterAsReplicaWeight: oneOf(random, [0, 0, 0.5]),
      allowExitOnIdle: chance(random, 0.3),
      ...(chance(random, 0.3) ? { maxReplicaLagMs: oneOf(random, [300, 2_000]) } : {}),
    },
    chaosMs,
    faults: Array.from({ length: whole(random, 1, 6) }, () => drawFault(random, hosts, chaosMs)),
    stalls: chance(random, 0.25) ? Array.from({ length: whole(random, 1, 3) }, () => drawStall(random, chaosMs)) : [],
    callGapMs: between(random, 20, 150),
    holdMs: oneOf(random, [5, 50, 400]),
    ending: drawEnding(random, chaosMs),
    showsTimelines: chance(random, 0.5),
    endpoints: hosts > 1 && chance(random, 0.2) ? oneOf(random, ['writer', 'both']) : 'none',
  }
  return chance(random, 0.15) ? withLongMistake(scenario) : scenario
}

/** A mistaken promotion that lasts for longer than 30 s is none to the manager: there is time for as long a recovery. */
function withLongMistake(scenario: Scenario): Scenario {
  const mistake = scenario.faults.find(({ kind }) => kind === 'mistaken promotion')
  if (mistake === undefined || scenario.ending.kind !== 'quiet') return scenario
  const faults = scenario.faults.map((fault) =>
    fault === mistake ? { ...fault, atMs: 0.2 * fault.atMs, forMs: 31_000 } : fault,
  )
  return { ...scenario, faults, chaosMs: scenario.chaosMs + 70_000 }
}

function drawFault(random: Random, hosts: number, chaosMs: number): Fault {
  const kind = chance(random, 0.25) ? 'failover' : oneOf(random, FAULTS)
  // Some meet the manager as it starts.
  const atMs = chance(random, 0.1) ? 0 : between(random, 0, chaosMs)
  return {
    kind,
    host: Math.floor(random() * hosts),
    atMs,
    forMs: between(random, 10, chance(random, 0.5) ? 500 : 6_000),
  }
}

/** A pause of the collector, a busy loop, or a machine that was put to sleep: then the clock has jumped when it wakes. */
function drawStall(random: Random, chaosMs: number): Stall {
  const isJump = chance(random, 0.15)
  const shortMs = chance(random, 0.5) ? between(random, 20, 2_500) : oneOf(random, [220, 1_020])
  return {
    atMs: between(random, 0, chaosMs),
    forMs: isJump ? between(random, 10_000, 3_600_000) : shortMs,
    meetsProbe: chance(random, 0.7),
  }
}

function drawEnding(random: Random, chaosMs: number): Ending {
  const atMs = between(random, 0, chaosMs)
  if (chance(random, 0.2)) return { kind: 'close', atMs, timeoutMs: oneOf(random, [0, 100, 2_000]) }
  return chance(random, 0.08) ? { kind: 'terminate', atMs } : { kind: 'quiet' }
}
