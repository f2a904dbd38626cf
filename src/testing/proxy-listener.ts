import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'

/** A port that can be closed and opened again while its connections go on. */
export class ProxyListener {
  readonly #host: string
  readonly #port: number
  readonly #accept: (client: Socket) => void
  #server: Server | undefined

  constructor(host: string, port: number, accept: (client: Socket) => void) {
    this.#host = host
    this.#port = port
    this.#accept = accept
  }

  async open(): Promise<void> {
    if (this.#server !== undefined) return
    const server = createServer({ allowHalfOpen: true }, this.#accept)
    this.#server = server
    server.listen(this.#port, this.#host)
    await once(server, 'listening')
    server.on('error', () => undefined).unref()
  }

  close(): void {
    this.#server?.close()
    this.#server = undefined
  }
}
