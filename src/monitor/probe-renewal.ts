import type { HostFault } from '../host-fault.ts'
import type { Timer } from '../time/clock.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import { ms } from '../time/milliseconds.ts'
import type { MonitorSettings } from './monitor-settings.ts'
import type { Probe, ProbeReply } from './probe.ts'
import type { ProbeOutcome } from './probe-round.ts'
import { ProbeRound } from './probe-round.ts'
import { renewalAtMs } from './schedule.ts'

/** What a renewal needs of the monitor that it works for. */
export interface RenewedMonitor {
  /** Whether a fresh connection may be tried now: beside another one, on a host that does not refuse us. */
  mayRenew(): boolean
  /** Since when the host's address may lead to a server that another host leads to already, by mistake; undefined: it does not. */
  misledSinceMs(): Milliseconds | undefined
  /** How long a fresh connection may take to answer. */
  renewalLimitMs(): Milliseconds
  /** Makes a probe connection; the name of its host is looked up anew. */
  connect(): Probe
  /** The number of a question that is about to be asked. */
  nextNumber(): number
  /** The fresh connection has answered question `number`: it is the monitor's from now on. */
  renewed(fresh: Probe, number: number, reply: ProbeReply): void
  classify(error: unknown): HostFault | undefined
}

/**
 * Tries a fresh probe connection beside the open one, now and then and one at a time (law 4): an open connection stays with
 * the server that it once reached, while the address leads elsewhere by now. One that answers takes the open one's place; one
 * that fails says nothing of the host, whose open connection still answers.
 */
export class ProbeRenewal {
  readonly #settings: MonitorSettings
  readonly #monitor: RenewedMonitor
  #openedAtMs: Milliseconds
  #share = 0
  #doubtedAtMs: Milliseconds | undefined
  #toldAtMs: Milliseconds | undefined
  /** The last one was refused by configuration: repeated wrong passwords lock accounts. */
  #wasRefused = false
  #timer: Timer | undefined
  #probe: Probe | undefined
  #round: ProbeRound | undefined

  constructor(settings: MonitorSettings, monitor: RenewedMonitor) {
    this.#settings = settings
    this.#monitor = monitor
    this.#openedAtMs = settings.clock.nowMs()
  }

  /** A probe connection is begun now, and is fresh for a while. */
  opened(): void {
    this.#openedAtMs = this.#settings.clock.nowMs()
    this.#share = this.#settings.random()
    this.#doubtedAtMs = undefined
    this.#toldAtMs = undefined
    this.plan()
  }

  /** A connection led to a server of another role than the open one's: it refused writes, or told so when the session began. */
  doubt(reason: 'role' | 'told'): void {
    const nowMs = this.#settings.clock.nowMs()
    if (reason === 'role') this.#doubtedAtMs ??= nowMs
    else this.#toldAtMs ??= nowMs
    this.plan()
  }

  /** Sets the time of the next one, by what is known now. */
  plan(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#round !== undefined || !this.#monitor.mayRenew()) return
    const { clock, topology } = this.#settings
    const atMs = renewalAtMs({
      openedAtMs: this.#openedAtMs,
      searchingSinceMs: this.#wasRefused ? undefined : (topology().masterlessSinceMs ?? this.#monitor.misledSinceMs()),
      hadMaster: topology().fencing.incumbent !== undefined,
      doubtedAtMs: this.#wasRefused ? undefined : this.#doubtedAtMs,
      toldAtMs: this.#wasRefused ? undefined : this.#toldAtMs,
      share: this.#share,
    })
    this.#timer = clock.setTimer(ms(Math.max(0, atMs - clock.nowMs())), () => this.#begin(), 'nothing')
  }

  /** Ends what is under way: no timer and no connection of its own is left. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#round?.cancel()
    this.#round = undefined
    this.#probe?.destroy()
    this.#probe = undefined
  }

  #begin(): void {
    // The connection beside which it was to be tried has ended meanwhile: its successor is a fresh one.
    if (!this.#monitor.mayRenew()) return
    const { clock, hold, onStall } = this.#settings
    const probe = this.#monitor.connect()
    let number = 0
    const ask = (): Promise<ProbeReply> => probe.ask(() => void (number = this.#monitor.nextNumber()))
    const limitMs = this.#monitor.renewalLimitMs()
    this.#probe = probe
    this.#round = new ProbeRound(clock, hold, ask, limitMs, (outcome) => this.#ended(number, outcome), onStall)
    this.opened()
  }

  #ended(number: number, outcome: ProbeOutcome): void {
    const probe = this.#probe
    this.#probe = undefined
    this.#round = undefined
    this.#wasRefused = outcome.kind === 'failed' && this.#monitor.classify(outcome.error) === 'access'
    if (outcome.kind === 'answered' && probe !== undefined) this.#monitor.renewed(probe, number, outcome.reply)
    else probe?.destroy()
    this.plan()
  }
}
