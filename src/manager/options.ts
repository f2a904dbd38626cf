import type { BalancerPolicy } from '../balancer/policy.ts'
import { GreedyBalancerPolicy } from '../balancer/greedy.ts'
import { OptionsError } from '../errors.ts'
import { loggerOption } from '../metrics/logger.ts'
import type { Logger } from '../metrics/logger.ts'
import type { Lookup } from '../network/lookup.ts'
import { systemLookup } from '../network/system-lookup.ts'
import type { Random } from '../random/random.ts'
import { systemRandom } from '../random/system-random.ts'
import type { Clock } from '../time/clock.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import { systemClock } from '../time/system-clock.ts'
import { durationMs, oneOfKeys, share, weight } from './check-option.ts'
import { replicaLag } from './lag-options.ts'
import { probeOption } from './probe-option.ts'
import type { ProbeTarget, ResolvedProbe } from './probe-option.ts'

/** What the caller says of one host, under its `host:port` in `hosts`. */
export interface HostOptions {
  /** Share of traffic relative to the other hosts of its role; default 1. 0: only when no other is left. */
  readonly weight?: number
  /** Where the host is; compared with `preferZone`. */
  readonly zone?: string
  /** Free-form labels, repeated in metrics. */
  readonly labels?: Readonly<Record<string, string>>
}

/**
 * The options of a pool manager; all are optional, times are in milliseconds.
 *
 * ```ts
 * new PoolManager(dsn, { acquireTimeoutMs: 30_000, fallbackMaster: true, balancerPolicy: new RoundRobinBalancerPolicy() })
 * ```
 */
export interface ManagerOptions {
  /** One deadline for waiting for a host, for a connection, and for retries; default 5000. */
  readonly acquireTimeoutMs?: number
  /** Pause between two checks of a host; default 1000. */
  readonly refreshDelayMs?: number
  /** How long a check may take; a host that misses it twice is taken out; default 1000. */
  readonly refreshTimeoutMs?: number
  /** Where checks go, if not where connections go: past a pooler, to PostgreSQL itself. See docs/poolers.md. */
  readonly probe?: ProbeTarget
  /** How long making one connection may take, authentication included; default 3000, or the DSN's `connect_timeout`. */
  readonly connectTimeoutMs?: number
  /** Whether reads go to the master when there is no replica; default false. */
  readonly fallbackMaster?: boolean
  /** The share of reads that the master takes beside the replicas, 0 to 1; default 0. */
  readonly masterAsReplicaWeight?: number
  /**
   * Replicas that are further behind the master get reads only when no other is left, in milliseconds; default none.
   * As of the last check, whose pause is `refreshDelayMs`. See docs/freshness.md.
   */
  readonly maxReplicaLagMs?: number
  /** The same in bytes of write-ahead log; default none. */
  readonly maxReplicaLagBytes?: number
  /** Which of several suitable hosts is taken; default `new GreedyBalancerPolicy()`. */
  readonly balancerPolicy?: BalancerPolicy
  /** Whether several writable hosts are all masters, without fencing; default false. */
  readonly multiMaster?: boolean
  /** Per host, by `host:port`. */
  readonly hosts?: Readonly<Record<string, HostOptions>>
  /** Hosts of this zone are taken first. */
  readonly preferZone?: string
  /** Whether the process may end while the manager is open and idle; default false. */
  readonly allowExitOnIdle?: boolean
  /**
   * Looks host names up, for service discovery of your own and for tests; default Node's `dns.lookup`. Called with
   * `all: true` for each new connection, one name at a time; see docs/names.md.
   */
  readonly lookup?: Lookup
  /** Gets a line for each change of the hosts: `console`, a pino or winston logger. Default none; see docs/observability.md. */
  readonly logger?: Logger
  /** Time, for tests. */
  readonly clock?: Clock
  /** Dice, for tests. */
  readonly random?: Random
}

/** `HostOptions` with its defaults. */
export interface HostPreference {
  readonly weight: number
  readonly zone: string | undefined
  readonly labels: Readonly<Record<string, string>>
}

/** `ManagerOptions` with its defaults. */
export interface ResolvedOptions {
  readonly acquireTimeoutMs: Milliseconds
  readonly refreshDelayMs: Milliseconds
  readonly refreshTimeoutMs: Milliseconds
  readonly connectTimeoutMs: Milliseconds
  readonly probe: ResolvedProbe | undefined
  readonly fallbackMaster: boolean
  readonly masterAsReplicaWeight: number
  readonly maxReplicaLagMs: Milliseconds | undefined
  readonly maxReplicaLagBytes: number | undefined
  readonly balancerPolicy: BalancerPolicy
  readonly multiMaster: boolean
  readonly hosts: ReadonlyMap<string, HostPreference>
  readonly preferZone: string | undefined
  readonly allowExitOnIdle: boolean
  readonly lookup: Lookup
  readonly logger: Logger | undefined
  readonly clock: Clock
  readonly random: Random
}

const KEYS: readonly (keyof ManagerOptions)[] = [
  'acquireTimeoutMs',
  'refreshDelayMs',
  'refreshTimeoutMs',
  'connectTimeoutMs',
  'probe',
  'fallbackMaster',
  'masterAsReplicaWeight',
  'maxReplicaLagMs',
  'maxReplicaLagBytes',
  'balancerPolicy',
  'multiMaster',
  'hosts',
  'preferZone',
  'allowExitOnIdle',
  'lookup',
  'logger',
  'clock',
  'random',
]

const HOST_KEYS: readonly (keyof HostOptions)[] = ['weight', 'zone', 'labels']

/**
 * The options themselves, if each is one of the manager's or one of those that a driver adds.
 * @throws {OptionsError} an option is unknown.
 */
export function managerOptions<T extends ManagerOptions>(input: T, added: readonly (keyof T & string)[]): T {
  oneOfKeys('PoolManager', input, [...added, ...KEYS])
  return input
}

/**
 * Fills the defaults in and refuses what makes no sense.
 * @throws {OptionsError} an option is unknown (with a suggestion where one is close), or its value is out of range.
 */
export function resolveOptions(
  input: ManagerOptions,
  dsn: { readonly connectTimeoutMs: number | undefined },
): ResolvedOptions {
  managerOptions(input, [])
  return Object.freeze({
    acquireTimeoutMs: durationMs('acquireTimeoutMs', input.acquireTimeoutMs ?? 5_000),
    refreshDelayMs: durationMs('refreshDelayMs', input.refreshDelayMs ?? 1_000),
    refreshTimeoutMs: durationMs('refreshTimeoutMs', input.refreshTimeoutMs ?? 1_000),
    connectTimeoutMs: durationMs('connectTimeoutMs', input.connectTimeoutMs ?? dsn.connectTimeoutMs ?? 3_000),
    probe: probeOption(input.probe),
    fallbackMaster: flag('fallbackMaster', input.fallbackMaster),
    masterAsReplicaWeight: share('masterAsReplicaWeight', input.masterAsReplicaWeight ?? 0),
    ...replicaLag(input),
    balancerPolicy: policy(input.balancerPolicy),
    multiMaster: flag('multiMaster', input.multiMaster),
    hosts: hostPreferences(input.hosts ?? {}),
    preferZone: input.preferZone,
    allowExitOnIdle: flag('allowExitOnIdle', input.allowExitOnIdle),
    lookup: lookupFunction(input.lookup),
    logger: loggerOption(input.logger),
    clock: input.clock ?? systemClock,
    random: input.random ?? systemRandom,
  })
}

function flag(name: string, value: boolean | undefined): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? false
  throw new OptionsError(name, `${name} must be true or false`)
}

function lookupFunction(given: Lookup | undefined): Lookup {
  if (given === undefined) return systemLookup
  if (typeof given === 'function') return given
  throw new OptionsError('lookup', "lookup must be a function like Node's dns.lookup: (hostname, options, callback)")
}

function policy(given: BalancerPolicy | undefined): BalancerPolicy {
  if (given === undefined) return new GreedyBalancerPolicy()
  if (typeof given === 'object' && typeof given.pick === 'function' && typeof given.name === 'string') return given
  throw new OptionsError(
    'balancerPolicy',
    'balancerPolicy must be an object with a name and a pick function, for example new RoundRobinBalancerPolicy()',
  )
}

function hostPreferences(hosts: Readonly<Record<string, HostOptions>>): ReadonlyMap<string, HostPreference> {
  return new Map(
    Object.entries(hosts).map(([hostId, given]) => {
      oneOfKeys(`hosts['${hostId}']`, given, HOST_KEYS)
      const resolved = { weight: weight(hostId, given.weight ?? 1), zone: given.zone, labels: { ...given.labels } }
      return [hostId, Object.freeze(resolved)]
    }),
  )
}

const PLAIN: HostPreference = Object.freeze({ weight: 1, zone: undefined, labels: Object.freeze({}) })

/** What the caller said of a host, or the defaults. */
export function preferenceFor(options: ResolvedOptions, hostId: string): HostPreference {
  return options.hosts.get(hostId) ?? PLAIN
}
