import type { Socket } from 'node:net'
import type { FaultTrigger, ProxyDirection } from './fault-trigger.ts'
import { ProxyLink } from './proxy-link.ts'

/** A proxy's connections, with the faults that those to come shall have too. */
export class ProxyLinks {
  readonly #target: { readonly host: string; readonly port: number }
  readonly #links = new Set<ProxyLink>()
  readonly #triggers = new Map<FaultTrigger, () => void>()
  readonly #held = { toServer: false, toClient: false }
  readonly #ended = { toServer: 0, toClient: 0 }
  #delayMs = 0
  accepted = 0

  constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = { host: target.host, port: target.port }
  }

  get open(): number {
    return this.#links.size
  }

  accept(client: Socket): void {
    this.accepted += 1
    const link: ProxyLink = new ProxyLink(client, this.#target, {
      trigger: (trigger) => this.#struck(trigger),
      gone: () => this.#forget(link),
    })
    this.#links.add(link)
    for (const trigger of this.#triggers.keys()) link.watch(trigger)
    link.delay(this.#delayMs)
    link.hold('toClient', this.#held.toClient)
    link.hold('toServer', this.#held.toServer)
  }

  /** Does something to every connection that is open now. */
  each(act: (link: ProxyLink) => void): void {
    for (const link of [...this.#links]) act(link)
  }

  hold(direction: ProxyDirection, held: boolean): void {
    this.#held[direction] = held
    this.each((link) => link.hold(direction, held))
  }

  delay(delayMs: number): void {
    this.#delayMs = delayMs
    this.each((link) => link.delay(delayMs))
  }

  /** Resolves when the trigger has struck. */
  watch(trigger: FaultTrigger): Promise<void> {
    this.each((link) => link.watch(trigger))
    return new Promise<void>((resolve) => this.#triggers.set(trigger, resolve))
  }

  /** Bytes that went out in that direction, on connections open and ended. */
  bytes(direction: ProxyDirection): number {
    return [...this.#links].reduce((sum, link) => sum + link.forwarded(direction), this.#ended[direction])
  }

  #struck(trigger: FaultTrigger): void {
    this.each((link) => link.unwatch(trigger))
    this.#triggers.get(trigger)?.()
    this.#triggers.delete(trigger)
  }

  #forget(link: ProxyLink): void {
    if (!this.#links.delete(link)) return
    this.#ended.toServer += link.forwarded('toServer')
    this.#ended.toClient += link.forwarded('toClient')
  }
}
