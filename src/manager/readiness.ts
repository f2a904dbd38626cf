import { AccessRefusedError, ManagerClosedError, ReadyTimeoutError } from '../errors.ts'
import { MASTER } from '../selection/target.ts'
import type { Waiter, Waiters } from '../selection/waiters.ts'
import type { Clock, Timer } from '../time/clock.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import type { Topology } from '../topology/topology.ts'
import { masters, replicas } from '../topology/topology.ts'
import { explainHosts, isAccessRefusedEverywhere, summarize } from './explain.ts'

/** How many hosts of each role are to be ready. */
export interface Readiness {
  readonly mastersCount: number
  readonly replicasCount: number
  /** Whether every host must be ready, whichever role it has. */
  readonly all: boolean
}

/** What waiting for readiness works with. */
export interface ReadinessParts {
  readonly clock: Clock
  readonly waiters: Waiters
  readonly topology: () => Topology
}

/**
 * Resolves when enough hosts are ready, looking again at each new topology.
 * @throws {ReadyTimeoutError} not within `timeoutMs`. @throws {AccessRefusedError} every host refuses us.
 */
export function waitUntilReady(wanted: Readiness, timeoutMs: Milliseconds, parts: ReadinessParts): Promise<void> {
  return new Promise((resolve, reject) => {
    const wait = new ReadyWait(wanted, parts, resolve, reject)
    if (wait.retry()) return
    wait.begin(timeoutMs)
  })
}

class ReadyWait implements Waiter {
  readonly #wanted: Readiness
  readonly #parts: ReadinessParts
  readonly #resolve: () => void
  readonly #reject: (error: Error) => void
  #timer: Timer | undefined

  constructor(wanted: Readiness, parts: ReadinessParts, resolve: () => void, reject: (error: Error) => void) {
    this.#wanted = wanted
    this.#parts = parts
    this.#resolve = resolve
    this.#reject = reject
  }

  begin(timeoutMs: Milliseconds): void {
    this.#parts.waiters.add(this)
    this.#timer = this.#parts.clock.setTimer(timeoutMs, () => this.#timedOut(timeoutMs), 'process')
  }

  retry(): boolean {
    const topology = this.#parts.topology()
    if (isReady(topology, this.#wanted)) this.#resolve()
    else if (isAccessRefusedEverywhere(topology)) this.#reject(this.#refused(topology))
    else return false
    this.#timer?.cancel()
    return true
  }

  closed(): void {
    this.#timer?.cancel()
    this.#reject(new ManagerClosedError('wait for hosts'))
  }

  #timedOut(timeoutMs: Milliseconds): void {
    this.#parts.waiters.remove(this)
    const hosts = explainHosts(this.#parts.topology(), MASTER, this.#parts.clock.nowMs())
    const text = `Not ready within ${timeoutMs} ms: wanted ${wordReadiness(this.#wanted)}. Hosts: ${summarize(hosts)}`
    this.#reject(new ReadyTimeoutError(text, hosts))
  }

  #refused(topology: Topology): AccessRefusedError {
    const hosts = explainHosts(topology, MASTER, this.#parts.clock.nowMs())
    return new AccessRefusedError(`No host lets us in. Hosts: ${summarize(hosts)}`, hosts)
  }
}

function isReady(topology: Topology, { mastersCount, replicasCount, all }: Readiness): boolean {
  const mastersReady = masters(topology).length
  const replicasReady = replicas(topology).filter(({ suspicion }) => suspicion === undefined).length
  if (all) return mastersReady + replicasReady === topology.hosts.size
  return mastersReady >= mastersCount && replicasReady >= replicasCount
}

function wordReadiness({ mastersCount, replicasCount, all }: Readiness): string {
  return all ? 'all hosts' : `${mastersCount} master(s) and ${replicasCount} replica(s)`
}
