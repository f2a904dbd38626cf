import { OptionsError } from '../errors.ts'
import type { FaultTrigger } from './fault-trigger.ts'
import { givePort, takePort } from './ports.ts'
import { ProxyLinks } from './proxy-links.ts'
import { ProxyListener } from './proxy-listener.ts'
import { until } from './waiting.ts'

/** What a proxy stands in front of. */
export interface FaultProxyOptions {
  /** Anything with a host and a port: a `PgNode`, or another proxy. */
  readonly target: { readonly host: string; readonly port: number }
  /** Default: a free one. */
  readonly port?: number
}

/**
 * A TCP proxy in front of a server that does to connections what networks do.
 *
 * ```ts
 * await using proxy = await FaultProxy.start({ target: node })
 * const db = new Client({ connectionString: cluster.dsnOf(proxy) })
 * proxy.silent()
 * await proxy.pass()
 * ```
 * Faults apply to the connections that exist and to those to come, and add up, until `pass` ends them all. While the target refuses
 * connections, those of the proxy are accepted and reset. An open proxy does not keep the process alive.
 */
export class FaultProxy {
  /** `127.0.0.1`. */
  readonly host: string = '127.0.0.1'
  readonly port: number
  readonly #ownsPort: boolean
  readonly #links: ProxyLinks
  readonly #listener: ProxyListener
  #closing: Promise<void> | undefined

  private constructor(port: number, ownsPort: boolean, target: { readonly host: string; readonly port: number }) {
    this.port = port
    this.#ownsPort = ownsPort
    this.#links = new ProxyLinks(target)
    this.#listener = new ProxyListener(this.host, port, (client) => this.#links.accept(client))
  }

  /** Starts to listen on 127.0.0.1. Rejects if `port` is taken. */
  static async start(options: FaultProxyOptions): Promise<FaultProxy> {
    const port = options.port ?? (await takePort())
    const proxy = new FaultProxy(port, options.port === undefined, options.target)
    try {
      await proxy.#listener.open()
      return proxy
    } catch (error) {
      await proxy.close()
      throw error
    }
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#links.open
  }

  /** Connections accepted since the start. */
  get accepted(): number {
    return this.#links.accepted
  }

  /** Bytes forwarded to the server since the start. */
  get bytesToServer(): number {
    return this.#links.bytes('toServer')
  }

  /** Bytes forwarded to clients since the start. */
  get bytesToClient(): number {
    return this.#links.bytes('toClient')
  }

  /** Ends every lasting fault: the port is open, bytes flow at once, those held back first. */
  async pass(): Promise<void> {
    this.#links.delay(0)
    this.#links.each((link) => link.heal())
    this.#links.hold('toServer', false)
    this.#links.hold('toClient', false)
    if (this.#closing === undefined) await this.#listener.open()
  }

  /** Closes the port: ECONNREFUSED for new connections. Those that exist go on; see `reset` and `closeConnections`. */
  refuse(): void {
    this.#listener.close()
  }

  /** Accepts connections and forwards nothing, in neither direction, as a network that drops every packet. */
  silent(): void {
    this.#links.hold('toServer', true)
    this.#links.hold('toClient', true)
  }

  /** Nothing reaches the server any more; its bytes still reach the client. `pass` delivers what was held. */
  dropToServer(): void {
    this.#links.hold('toServer', true)
  }

  /** Nothing reaches clients any more; their bytes still reach the server. `pass` delivers what was held. */
  dropToClient(): void {
    this.#links.hold('toClient', true)
  }

  /** Forwards everything `delayMs` milliseconds late, each way. */
  delay(delayMs: number): void {
    if (!(delayMs >= 0)) throw new OptionsError('delayMs', 'FaultProxy: delayMs must be 0 or more')
    this.#links.delay(delayMs)
  }

  /** Sends FIN to one side of every connection; the other direction goes on. */
  halfClose(side: 'client' | 'server'): void {
    this.#links.each((link) => link.halfClose(side))
  }

  /** RST to both sides of every connection: ECONNRESET. */
  reset(): void {
    this.#links.each((link) => link.reset())
  }

  /** FIN to both sides of every connection. */
  closeConnections(): void {
    this.#links.each((link) => link.close())
  }

  /** Arms a fault that waits for its moment, and strikes once. Resolves when it has; stays pending if it never does. */
  async when(trigger: FaultTrigger): Promise<void> {
    if (trigger.pattern === undefined && trigger.afterBytes === undefined) {
      throw new OptionsError('pattern', 'FaultProxy: a trigger needs a pattern or afterBytes')
    }
    await this.#links.watch(trigger)
  }

  /** Closes every connection and the port. The same promise on every call. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    this.refuse()
    this.closeConnections()
    await until('every connection is closed', 10_000, () => (this.#links.open === 0 ? true : undefined), 1)
    if (this.#ownsPort) await givePort(this.port)
  }
}
