import { connect, createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { once } from 'node:events'

/** Hands connections to an address on to a server that listens elsewhere: the host behind a name. */
export class Relay {
  readonly port: number
  readonly #server: Server
  readonly #sockets: ReadonlySet<Socket>

  private constructor(server: Server, sockets: ReadonlySet<Socket>) {
    const address = server.address()
    this.port = typeof address === 'object' && address !== null ? address.port : 0
    this.#server = server
    this.#sockets = sockets
  }

  /** Listens on a loopback address, for example 127.0.0.2; port 0 is any that is free. */
  static async open(address: string, port: number, target: { readonly port: number }): Promise<Relay> {
    const sockets = new Set<Socket>()
    const server = createServer((client) => {
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
    return new Relay(server, sockets)
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}
