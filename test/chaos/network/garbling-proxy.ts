import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'

/** The moment of a session at which something else comes than what the server said. */
export type GarblePhase =
  /** Instead of the answer to the first message. */
  | 'greeting'
  /** Instead of the second thing the server says: its request to authenticate. */
  | 'authentication'
  /** Instead of the answer to a statement that contains the mark. */
  | 'query'

export interface Garble {
  readonly phase: GarblePhase
  readonly bytes: Uint8Array
}

/** A statement with this in it is answered by what was armed for the phase `query`. */
export const MARK = 'garbled'

/** A proxy that once says to a client what no PostgreSQL server says. */
export class GarblingProxy {
  readonly host: string = '127.0.0.1'
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #armed: Garble | undefined

  private constructor(server: Server, target: { readonly host: string; readonly port: number }) {
    this.#server = server
    server.on('connection', (client) => this.#accept(client, target))
  }

  static async start(target: { readonly host: string; readonly port: number }): Promise<GarblingProxy> {
    const server = createServer()
    const proxy = new GarblingProxy(server, target)
    server.listen(0, proxy.host)
    await once(server, 'listening')
    return proxy
  }

  get port(): number {
    const address: AddressInfo | string | null = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  /** Whether what was armed is still to come. */
  get isArmed(): boolean {
    return this.#armed !== undefined
  }

  /** The next connection that comes to the phase gets the bytes, once. */
  arm(garble: Garble): void {
    this.#armed = garble
  }

  disarm(): void {
    this.#armed = undefined
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    const closed = once(this.#server, 'close')
    this.#server.close()
    await closed
  }

  #accept(client: Socket, { host, port }: { readonly host: string; readonly port: number }): void {
    const server = connect(port, host)
    let said = 0
    let marked = false
    const say = (phase: GarblePhase): boolean => {
      if (this.#armed?.phase !== phase) return false
      client.write(this.#armed.bytes)
      this.#armed = undefined
      return true
    }
    for (const socket of [client, server]) {
      this.#sockets.add(socket)
      socket
        .on('error', () => undefined)
        .on('close', () => {
          this.#sockets.delete(socket)
          client.destroy()
          server.destroy()
        })
    }
    client.on('data', (bytes) => {
      marked ||= bytes.includes(MARK)
      server.write(bytes)
    })
    server.on('data', (bytes) => {
      said += 1
      const isGarbled =
        (said === 1 && say('greeting')) || (said === 2 && say('authentication')) || (marked && say('query'))
      if (!isGarbled) client.write(bytes)
    })
  }
}
