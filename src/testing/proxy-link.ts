import { Socket } from 'node:net'
import { TriggerWatch } from './fault-trigger.ts'
import type { FaultTrigger, ProxyDirection } from './fault-trigger.ts'
import { resetSocket } from './reset-socket.ts'
import { ProxyPipe } from './proxy-pipe.ts'

/** One proxied connection: the client's socket, the server's, and a pipe each way. */
export class ProxyLink {
  readonly #client: Socket
  readonly #server = new Socket({ allowHalfOpen: true })
  readonly #pipes: Readonly<Record<ProxyDirection, ProxyPipe>>
  readonly #target: { readonly host: string; readonly port: number }
  readonly #onTrigger: (trigger: FaultTrigger) => void
  readonly #received = { toServer: 0, toClient: 0 }
  readonly #held = { toServer: false, toClient: false }
  #watches: TriggerWatch[] = []
  #connecting = false
  #silent = false
  #cutReply = false

  constructor(
    client: Socket,
    target: { readonly host: string; readonly port: number },
    on: { readonly trigger: (trigger: FaultTrigger) => void; readonly gone: () => void },
  ) {
    this.#client = client
    this.#target = target
    this.#onTrigger = on.trigger
    this.#pipes = {
      toServer: new ProxyPipe(client, this.#server, (bytes) => this.#filter('toServer', bytes)),
      toClient: new ProxyPipe(this.#server, client, (bytes) => this.#filter('toClient', bytes)),
    }
    for (const socket of [client, this.#server]) socket.setNoDelay(true).unref()
    const closed = (): void => {
      if (client.destroyed && (this.#server.destroyed || !this.#connecting)) on.gone()
    }
    client.on('close', closed)
    this.#server.on('close', closed)
  }

  /** Bytes that went out on the other side. */
  forwarded(direction: ProxyDirection): number {
    return this.#pipes[direction].forwarded
  }

  hold(direction: ProxyDirection, held: boolean): void {
    this.#held[direction] = held
    this.#pipes[direction].hold(held || this.#silent)
    // A connection that came while nothing got through reaches the server only now.
    if (!this.#held.toServer && !this.#silent) this.#connect()
  }

  /** Ends a silence that a trigger began. */
  heal(): void {
    this.#silent = false
    this.#cutReply = false
  }

  delay(delayMs: number): void {
    this.#pipes.toServer.delay(delayMs)
    this.#pipes.toClient.delay(delayMs)
  }

  watch(trigger: FaultTrigger): void {
    this.#watches.push(new TriggerWatch(trigger, this.#received[trigger.direction]))
  }

  unwatch(trigger: FaultTrigger): void {
    this.#watches = this.#watches.filter((watch) => watch.trigger !== trigger)
  }

  /** FIN towards one side; the other direction goes on. */
  halfClose(side: 'client' | 'server'): void {
    if (side === 'client') this.#client.end()
    else this.#server.end()
  }

  reset(): void {
    this.#stop()
    resetSocket(this.#client)
    if (this.#connecting) resetSocket(this.#server)
    else this.#server.destroy()
  }

  close(): void {
    this.#stop()
    this.#client.destroy()
    this.#server.destroy()
  }

  #connect(): void {
    if (this.#connecting || this.#client.destroyed) return
    this.#connecting = true
    this.#server.connect(this.#target.port, this.#target.host)
  }

  #stop(): void {
    this.#pipes.toServer.stop()
    this.#pipes.toClient.stop()
  }

  #filter(direction: ProxyDirection, bytes: Uint8Array): Uint8Array | undefined {
    if (this.#cutReply && direction === 'toClient') {
      this.reset()
      return undefined
    }
    this.#received[direction] += bytes.length
    for (const watch of this.#watches.filter(({ trigger }) => trigger.direction === direction)) {
      const count = watch.feed(bytes)
      if (count === undefined) continue
      this.#strike(watch.trigger)
      return bytes.subarray(0, count)
    }
    return bytes
  }

  /** Strikes after the bytes that are still to be forwarded were. */
  #strike(trigger: FaultTrigger): void {
    this.unwatch(trigger)
    this.#onTrigger(trigger)
    if (trigger.then === 'cutReply') {
      this.#cutReply = true
      return
    }
    setImmediate(() => {
      if (trigger.then === 'reset') this.reset()
      if (trigger.then === 'close') this.close()
    })
    if (trigger.then === 'silent') {
      queueMicrotask(() => {
        this.#silent = true
        this.#pipes.toServer.hold(true)
        this.#pipes.toClient.hold(true)
      })
    }
  }
}
