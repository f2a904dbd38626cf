import { connect, createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { once } from 'node:events'

/** Where a relay's connections end. */
interface Target {
  readonly port: number
}

/**
 * Hands connections to an address on to a server that listens elsewhere: the host behind a name, or a proxy that leads new
 * connections to another server and leaves the open ones alone.
 */
export class Relay {
  readonly host: string
  readonly port: number
  readonly #server: Server
  readonly #sockets: ReadonlySet<Socket>
  readonly #targets: Target[]
  readonly #isSilent: { now: boolean }

  private constructor(
    host: string,
    server: Server,
    sockets: ReadonlySet<Socket>,
    targets: Target[],
    isSilent: { now: boolean },
  ) {
    const address = server.address()
    this.host = host
    this.port = typeof address === 'object' && address !== null ? address.port : 0
    this.#server = server
    this.#sockets = sockets
    this.#targets = targets
    this.#isSilent = isSilent
  }

  /** From now on new connections lead to these servers, in turn; those that are open stay where they are. */
  lead(...targets: readonly Target[]): void {
    this.#targets.splice(0, this.#targets.length, ...targets)
  }

  /** Listens on a loopback address, for example 127.0.0.2; port 0 is any that is free. */
  static async open(address: string, port: number, ...first: readonly Target[]): Promise<Relay> {
    const sockets = new Set<Socket>()
    const targets = [...first]
    const isSilent = { now: false }
    const server = createServer((client) => {
      if (isSilent.now) return void sockets.add(client.on('error', () => undefined))
      const target = targets.shift()
      if (target === undefined) return void client.destroy()
      targets.push(target)
      const upstream = connect(target.port, '127.0.0.1')
      for (const [socket, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        sockets.add(socket)
        socket.on('error', () => undefined)
        socket.on('close', () => {
          sockets.delete(socket)
          other.destroy()
        })
        socket.pipe(other)
      }
    }).listen(port, address)
    await once(server, 'listening')
    return new Relay(address, server, sockets, targets, isSilent)
  }

  /** Nothing goes through any more, in either direction; connects are accepted and never answered. */
  fallSilent(): void {
    this.#targets.length = 0
    this.#isSilent.now = true
    for (const socket of this.#sockets) socket.unpipe().pause()
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}
