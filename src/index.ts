export { BasePoolManager } from './manager/base-pool-manager.ts'
export type { RunOptions } from './manager/base-pool-manager.ts'
export type { RetryOptions } from './manager/retry-options.ts'
export type { FreshnessOptions } from './manager/lag-options.ts'
export type { AcquireOptions, ReplicaOptions, WaitOptions } from './manager/acquire-options.ts'
export type { HostOptions, ManagerOptions } from './manager/options.ts'
export type { ProbeTarget } from './manager/probe-option.ts'
export type { ReadyOptions } from './manager/lifecycle.ts'
export type { DismissedClaim, ManagerEvents, StuckHost } from './manager/events.ts'
export type { DriverMetrics, HasqlMetrics, ManagerMetrics } from './metrics/manager-metrics.ts'
export type { DurationBucket, Durations } from './metrics/duration-histogram.ts'
export type { FaultCounts } from './metrics/fault-counts.ts'
export type { AcquireMessage, ProbeMessage, TopologyMessage } from './metrics/channels.ts'
export type { Logger, LogLevel } from './metrics/logger.ts'
export type { TopologyChange } from './topology/diff.ts'
export type { BalancerPolicy, Candidate, PolicyContext } from './balancer/policy.ts'
export { GreedyBalancerPolicy } from './balancer/greedy.ts'
export { PowerOfTwoBalancerPolicy } from './balancer/power-of-two.ts'
export { RandomWeightedBalancerPolicy } from './balancer/random-weighted.ts'
export { RoundRobinBalancerPolicy } from './balancer/round-robin.ts'
export { Dsn } from './dsn/dsn.ts'
export { DsnError } from './dsn/dsn-error.ts'
export type { DsnErrorReason } from './dsn/dsn-error.ts'
export type { DsnContext } from './dsn/context.ts'
export { redact } from './dsn/redact.ts'
export { CertificateError } from './dsn/tls-files.ts'
export { nodeTlsOptions } from './dsn/tls-options.ts'
export type { NodeTlsOptions } from './dsn/tls-options.ts'
export { parseDsn } from './dsn/parse.ts'
export type { DsnInput } from './dsn/parse.ts'
export type { HostId, HostSpec, NonEmpty, SslMode, TlsSpec } from './dsn/host-spec.ts'
export * from './errors.ts'
export type { HostFault } from './host-fault.ts'
export type { LoadBalanceHosts, TargetSessionAttrs } from './dsn/settings.ts'
export { classifyError } from './driver/classify-error.ts'
export { endsSession, retiresConnection } from './driver/session-end.ts'
export { cannotTakeEffect, leavesNoTrace } from './driver/statement-effect.ts'
export type {
  BoundLease,
  Driver,
  DriverConnection,
  DriverPool,
  DriverPoolHooks,
  Phase,
  PoolOptions,
  ProbeConnection,
  ProbeOptions,
  Received,
} from './driver/driver.ts'
export { LookupTimeoutError } from './network/lookup-timeout-error.ts'
export type { Address, Lookup, LookupCallback, LookupOptions, SocketLookup } from './network/lookup.ts'
export type { Random } from './random/random.ts'
export type { Clock, Hold, Timer } from './time/clock.ts'
export { ms } from './time/milliseconds.ts'
export type { Milliseconds } from './time/milliseconds.ts'
export type {
  AnsweringHost,
  HostDescription,
  Lack,
  Lag,
  Role,
  SilentHost,
  Suspicion,
  UnknownHost,
} from './topology/host-description.ts'
export type { RoleAnswer } from './topology/observation.ts'
export type { Claim, Dismissal, Recovery, Run } from './topology/claims.ts'
export type { AbandonedTimeline, AcceptedMaster, Fencing } from './topology/fencing.ts'
export type { Implausibility, ShownTimelines } from './topology/plausible.ts'
export type { Topology } from './topology/topology.ts'
export type { Fork, Lineage, Proof } from './topology/lineage.ts'
export type { Wal, WalSample } from './topology/wal.ts'
