import type { Driver } from '../driver/driver.ts'
import type { HostSpec } from '../dsn/host-spec.ts'
import { HasqlError } from '../errors.ts'
import type { HostFault } from '../host-fault.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import { ms } from '../time/milliseconds.ts'
import type { HostDescription } from '../topology/host-description.ts'
import { isAnswering } from '../topology/host-description.ts'
import type { HostObservation } from '../topology/observation.ts'
import type { MonitorSettings } from './monitor-settings.ts'
import type { ProbeReply } from './probe.ts'
import { Probe } from './probe.ts'
import type { RenewedMonitor } from './probe-renewal.ts'
import { ProbeRenewal } from './probe-renewal.ts'
import type { ProbeOutcome } from './probe-round.ts'
import { ProbeRound } from './probe-round.ts'
import { ProbeTimer } from './probe-timer.ts'
import { DEMAND_GAP_MS, MIN_GAP_MS, nextDelayMs } from './schedule.ts'
import { toError } from '../to-error.ts'

/** For so long an endpoint may go on leading to a server that another one leads to already. */
const MISLED_MS = 30_000

type ProbeDriver = Pick<Driver<unknown, unknown>, 'openProbe' | 'classify'>

/**
 * Watches one host: probe, wait, probe, over one connection of its own (law 4).
 *
 * At most one probe is in flight, and beside it at most one fresh connection is tried. A missed deadline or a lost connection
 * is followed at once by a probe over a fresh connection, never over the same one.
 */
export class HostMonitor implements RenewedMonitor {
  readonly #driver: ProbeDriver
  readonly #spec: HostSpec
  readonly #settings: MonitorSettings
  readonly #timer: ProbeTimer
  readonly #renewal: ProbeRenewal
  #running = false
  #sequence = 0
  #probe: Probe | undefined
  #round: ProbeRound | undefined
  #askedAgain = false
  /** When the host last answered as a replica. */
  #replicaUntilMs: Milliseconds | undefined
  #waiting: { readonly after: number; readonly callback: () => void }[] = []

  constructor(driver: ProbeDriver, spec: HostSpec, settings: MonitorSettings) {
    this.#driver = driver
    this.#spec = spec
    this.#settings = settings
    this.#timer = new ProbeTimer(settings.clock, settings.hold, () => this.#begin())
    this.#renewal = new ProbeRenewal(settings, this)
  }

  /** The number of the newest probe that was started; the evidence of what is seen meanwhile. */
  get sequence(): number {
    return this.#sequence
  }

  start(): void {
    if (this.#running) return
    this.#running = true
    this.#begin()
  }

  /** Ends watching: no timer, no connection and no observation is left after this returns. */
  stop(): void {
    this.#running = false
    this.#timer.cancel()
    this.#renewal.stop()
    this.#round?.cancel()
    this.#round = undefined
    this.#dropProbe()
    this.#tellWaiting(Infinity)
  }

  /**
   * Asks for a probe now. One already in flight may have passed what is asked about, so a `fault` has another follow it;
   * a `demand`, somebody waiting for a host, is served at most every 100 ms and never wakes a host that refuses us. Of a
   * `role` that a connection found to be another, or was `told` of, the open probe connection may know nothing: a fresh one is
   * tried, too.
   */
  requestProbe(reason: 'fault' | 'role' | 'told' | 'demand'): void {
    if (this.#round !== undefined) this.#askedAgain ||= reason !== 'demand'
    else if (this.#host().kind !== 'rejected') this.#schedule(0, reason === 'demand' ? DEMAND_GAP_MS : MIN_GAP_MS)
    if (reason === 'role' || reason === 'told') this.#renewal.doubt(reason)
    else if (reason === 'fault') this.#renewal.plan()
  }

  /** Asks for a probe at least `gapMs` after the last one began: somebody waits for what a host that answers says next. */
  requestAnswer(gapMs: Milliseconds): void {
    if (this.#round === undefined && isAnswering(this.#host())) this.#schedule(0, ms(Math.max(gapMs, MIN_GAP_MS)))
  }

  /** Calls back once, when a probe that starts from now on has ended, or the monitor was stopped. */
  onceProbed(callback: () => void): void {
    this.#waiting.push({ after: this.#sequence, callback })
  }

  /**
   * The reader endpoint of a cluster leads its open connections to the new master after a promotion, where the writer leads by then, too;
   * it will lead new ones elsewhere soon. Which of the two was seen first, and is the master, does not matter. Not for long: two
   * names of one server stay what they are.
   */
  misledSinceMs(): Milliseconds | undefined {
    const [replicaUntilMs, sharingSinceMs] = [this.#replicaUntilMs, this.#sharingSinceMs()]
    if (replicaUntilMs === undefined || sharingSinceMs === undefined) return undefined
    const sinceMs = ms(Math.max(replicaUntilMs, sharingSinceMs))
    return this.#settings.clock.nowMs() - sinceMs < MISLED_MS ? sinceMs : undefined
  }

  mayRenew(): boolean {
    return this.#running && this.#probe !== undefined && this.#host().kind !== 'rejected'
  }

  /** Beside a connect that is not answered it is the second try, which should be over soon if the address has moved meanwhile. */
  renewalLimitMs(): Milliseconds {
    const { refreshTimeoutMs, connectTimeoutMs } = this.#settings
    return this.#probe?.established === true ? ms(Math.max(refreshTimeoutMs, connectTimeoutMs)) : refreshTimeoutMs
  }

  connect(): Probe {
    const { clock, hold, lookup } = this.#settings
    const onHint = (): void => this.requestProbe('fault')
    return new Probe(
      clock,
      ({ onLost }) => this.#driver.openProbe(this.#spec, { hold, onLost, onHint, lookup }),
      (probe, error) => this.#lost(probe, error),
    )
  }

  nextNumber(): number {
    this.#sequence += 1
    return this.#sequence
  }

  /** A check over the old connection that is under way is called off; one that began later is made up for. */
  renewed(fresh: Probe, number: number, reply: ProbeReply): void {
    this.#round?.cancel()
    this.#round = undefined
    this.#dropProbe()
    this.#probe = fresh
    this.#timer.started()
    this.#settings.probes.began(number)
    this.#observe(number, { kind: 'answered', reply })
    this.#tellWaiting(number)
    this.#schedule(this.#askedAgain || number < this.#sequence ? 0 : this.#delayMs(), MIN_GAP_MS)
  }

  classify(error: unknown): HostFault | undefined {
    return this.#driver.classify(error, 'connect')
  }

  #begin(): void {
    const { clock, hold, refreshTimeoutMs, connectTimeoutMs, onStall, probes } = this.#settings
    this.#timer.started()
    this.#askedAgain = false
    const number = this.nextNumber()
    probes.began(number)
    const probe = this.#probe ?? this.connect()
    const isNew = this.#probe === undefined
    this.#probe = probe
    if (isNew) this.#renewal.opened()
    // A host that answered must answer again within the probe's deadline; one that has to be found first gets longer.
    const limitMs = isAnswering(this.#host()) ? refreshTimeoutMs : ms(Math.max(refreshTimeoutMs, connectTimeoutMs))
    const ended = (outcome: ProbeOutcome): void => this.#ended(number, outcome)
    this.#round = new ProbeRound(clock, hold, () => probe.ask(), limitMs, ended, onStall)
  }

  #ended(number: number, outcome: ProbeOutcome): void {
    this.#round = undefined
    this.#observe(number, outcome)
    this.#tellWaiting(number)
    this.#schedule(this.#askedAgain ? 0 : this.#delayMs(), MIN_GAP_MS)
    this.#renewal.plan()
  }

  #observe(number: number, outcome: ProbeOutcome): void {
    if (outcome.kind === 'answered') {
      const { answer, roundTripMs, isFirst } = outcome.reply
      this.#settings.probes.answered(answer, roundTripMs)
      if (answer.inRecovery) this.#replicaUntilMs = this.#settings.clock.nowMs()
      this.#settings.observe({ kind: 'answered', ...this.#context(number), answer, roundTripMs, isFirst })
    } else if (outcome.kind === 'silent') {
      const isAlive = this.#probe?.hasJustLoggedIn === true
      const how = isAlive ? 'took the login, but did not answer' : 'did not answer'
      const message = `${this.#spec.hostId} ${how} a probe within ${outcome.limitMs} ms`
      this.#failed('silent', new HasqlError('ERR_HASQL_PROBE_TIMEOUT', message), isAlive)
    } else {
      const phase = this.#probe?.established === true ? 'session' : 'connect'
      this.#failed(this.#driver.classify(outcome.error, phase) ?? 'silent', toError(outcome.error))
    }
  }

  #failed(fault: HostFault, cause: Error, isAlive = false): void {
    this.#settings.probes.failed(fault, cause)
    this.#observeFailure(fault, cause, isAlive)
  }

  /** The connection ended while no probe was in flight. */
  #lost(probe: Probe, error: Error): void {
    if (probe !== this.#probe || this.#round !== undefined) return
    this.#observeFailure('lost', toError(error))
    this.#schedule(0, MIN_GAP_MS)
  }

  /** A question that a fresh connection was asked before this was found is no answer to it, so it counts as the newest. */
  #observeFailure(fault: HostFault, cause: Error, isAlive = false): void {
    this.#dropProbe()
    this.#settings.observe({ kind: 'failed', ...this.#context(this.#sequence), fault, cause, isAlive })
  }

  #context(number: number): Pick<HostObservation, 'hostId' | 'atMs' | 'evidence'> {
    const evidence = { probe: number, generation: undefined }
    return { hostId: this.#spec.hostId, atMs: this.#settings.clock.nowMs(), evidence }
  }

  #delayMs(): number {
    const { clock, refreshDelayMs, random, topology } = this.#settings
    const { masterlessSinceMs } = topology()
    const masterlessMs = masterlessSinceMs === undefined ? undefined : clock.nowMs() - masterlessSinceMs
    return nextDelayMs({ host: this.#host(), masterlessMs, refreshDelayMs, random })
  }

  /** An observation may have had us stopped, or a probe begun. */
  #schedule(delayMs: number, gapMs: Milliseconds): void {
    if (this.#running && this.#round === undefined) this.#timer.set(delayMs, gapMs)
  }

  #tellWaiting(sequence: number): void {
    const due = this.#waiting.filter(({ after }) => after < sequence)
    this.#waiting = this.#waiting.filter(({ after }) => after >= sequence)
    for (const { callback } of due) callback()
  }

  #dropProbe(): void {
    this.#probe?.destroy()
    this.#probe = undefined
  }

  /** Since when this host and another one have led to the same master; undefined: they do not. */
  #sharingSinceMs(): Milliseconds | undefined {
    const host = this.#host()
    if (host.kind === 'duplicate-master') return host.sinceMs
    if (host.kind !== 'master') return undefined
    const duplicates = [...this.#settings.topology().hosts.values()].filter(({ kind }) => kind === 'duplicate-master')
    return duplicates.length === 0 ? undefined : ms(Math.max(...duplicates.map(({ sinceMs }) => sinceMs)))
  }

  #host(): HostDescription {
    const host = this.#settings.topology().hosts.get(this.#spec.hostId)
    if (host === undefined) throw new RangeError(`${this.#spec.hostId} is not in the topology`)
    return host
  }
}
