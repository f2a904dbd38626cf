import { redact } from '../dsn/redact.ts'
import type { Logger, LogLevel } from '../metrics/logger.ts'
import type { TopologyChange } from '../topology/diff.ts'
import type { HostDescription } from '../topology/host-description.ts'
import type { Topology } from '../topology/topology.ts'
import type { StuckHost, SyncWait, SyncWaitEnd } from './events.ts'
import { describeState } from './explain.ts'

/** How much it matters that a host has become this. */
const LEVELS: Readonly<Record<HostDescription['kind'], LogLevel>> = {
  unknown: 'debug',
  master: 'info',
  replica: 'info',
  'read-only-master': 'warn',
  'stale-master': 'error',
  'rival-master': 'error',
  'duplicate-master': 'warn',
  'foreign-cluster': 'error',
  'not-ready': 'warn',
  rejected: 'error',
  unreachable: 'warn',
}

/** Writes one line for each change; docs/observability.md lists them all. */
export class ChangeLog {
  readonly #logger: Logger
  readonly #reportBug: (error: unknown) => void

  /** `reportBug` takes what the logger throws; it must not throw itself. */
  constructor(logger: Logger, reportBug: (error: unknown) => void) {
    this.#logger = logger
    this.#reportBug = reportBug
  }

  changed(change: TopologyChange, topology: Topology, nowMs: number): void {
    switch (change.kind) {
      case 'host-changed': {
        const { before, after } = change
        const past = before.kind === 'unknown' ? '' : `; it was ${before.kind} for ${seconds(nowMs - before.sinceMs)}`
        return this.#write(LEVELS[after.kind], `${after.hostId} ${describeState(after, topology, nowMs)}${past}`)
      }
      case 'host-suspected': {
        const cause = change.host.suspicion?.cause.message ?? ''
        return this.#write('warn', `${change.host.hostId} is being checked again (${cause})`)
      }
      case 'replica-detached':
        return this.#write('error', `${change.host.hostId} ${describeState(change.host, topology, nowMs)}`)
      case 'replica-follows':
        return this.#write('info', `${change.host.hostId} follows the master again`)
      case 'connections-void': {
        const used = change.interrupt ? 'those in use, too' : 'those in use when they come back'
        return this.#write('debug', `connections to ${change.host.hostId} made before are closed, ${used}`)
      }
      case 'master-changed': {
        const { before, after } = change
        if (before === undefined) return this.#write('info', `the master is ${after}`)
        return this.#write('warn', `the master is ${after} now; it was ${before}`)
      }
      case 'master-accepted': {
        const { hostId, dismissed } = change.accepted
        const claims = dismissed.map((each) => `${each.hostId} on timeline ${each.timeline}`)
        const others = claims.length === 0 ? '' : `; dismissed: ${claims.join(', ')}`
        return this.#write('warn', `${hostId} was accepted as master${others}`)
      }
      case 'master-lost':
        return this.#write('error', 'no master is known any more: writes wait until one is found')
      case 'master-found':
        return this.#write('info', `a master is known after ${seconds(change.outageMs)} without one`)
    }
  }

  stuck({ host, sinceMs, leased, waiting }: StuckHost, nowMs: number): void {
    const leases = `all ${leased} connections are leased, none came back for ${seconds(nowMs - sinceMs)}`
    this.#write('warn', `${host} answers its checks, but ${leases}, and ${waiting} callers wait`)
  }

  syncWait({ host, sinceMs, waiting }: SyncWait, nowMs: number): void {
    const sessions = `${waiting} ${waiting === 1 ? 'session has' : 'sessions have'} been waiting`
    const text = `${host} answers its checks, but ${sessions} for a synchronous standby for ${seconds(nowMs - sinceMs)}`
    this.#write('error', text)
  }

  syncWaitEnded({ host, lastedMs }: SyncWaitEnd): void {
    this.#write(
      'info',
      `${host} keeps no session waiting for a synchronous standby any more, after ${seconds(lastedMs)}`,
    )
  }

  /** One line without a password, whatever a server or a look-up of the caller's own put into its error. */
  #write(level: LogLevel, text: string): void {
    try {
      this.#logger[level](`hasql: ${redact(text).replaceAll(/\s*[\r\n]+\s*/g, ' ')}`)
    } catch (error) {
      this.#reportBug(error)
    }
  }
}

function seconds(durationMs: number): string {
  return `${(durationMs / 1_000).toFixed(3)} s`
}
