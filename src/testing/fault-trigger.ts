/** Which way bytes go through a proxy. */
export type ProxyDirection = 'toServer' | 'toClient'

/**
 * A fault that waits for its moment: the first connection that sends `pattern`, or `afterBytes` bytes, gets it.
 *
 * ```ts
 * await proxy.when({ direction: 'toServer', pattern: 'commit', then: 'cutReply' })
 * ```
 */
export interface FaultTrigger {
  readonly direction: ProxyDirection
  /** Text or bytes to look for; letters match in either case. Must be given, or `afterBytes`. */
  readonly pattern?: string | Uint8Array
  /** Exactly so many bytes of the connection are still forwarded. */
  readonly afterBytes?: number
  /** Whether what matched the pattern is still forwarded. Default true. */
  readonly forward?: boolean
  /**
   * `reset`: RST to both sides · `close`: FIN to both sides · `silent`: not one byte more, either way · `cutReply`: the
   * server gets everything and answers, and its answer turns into an RST for the client.
   */
  readonly then: 'reset' | 'close' | 'silent' | 'cutReply'
}

const lower = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1').toLowerCase()

/** Looks for the trigger's moment in one direction of one connection. */
export class TriggerWatch {
  readonly trigger: FaultTrigger
  readonly #pattern: string | undefined
  #tail = ''
  #seen: number

  constructor(trigger: FaultTrigger, seen: number) {
    this.trigger = trigger
    this.#seen = seen
    const { pattern } = trigger
    if (pattern !== undefined) this.#pattern = typeof pattern === 'string' ? pattern.toLowerCase() : lower(pattern)
  }

  /** How many of these bytes to forward before it strikes; `undefined` if it does not. */
  feed(bytes: Uint8Array): number | undefined {
    const before = this.#seen
    this.#seen += bytes.length
    const { afterBytes, forward } = this.trigger
    if (afterBytes !== undefined && this.#seen >= afterBytes) return Math.max(0, afterBytes - before)
    if (this.#pattern === undefined) return undefined
    const text = this.#tail + lower(bytes)
    this.#tail = this.#pattern.length > 1 ? text.slice(1 - this.#pattern.length) : ''
    if (!text.includes(this.#pattern)) return undefined
    return forward === false ? 0 : bytes.length
  }
}
