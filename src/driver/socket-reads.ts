import type { Received } from './driver.ts'

/** What is used of a socket, or of the stream that somebody puts in its place. */
export interface ReadSocket {
  readonly readableFlowing: boolean | null
  on(event: 'pause', listener: () => void): unknown
}

/**
 * Counts what is read from a connection's socket, and how often reading was paused.
 *
 * Costs nothing while data flows: the socket counts its bytes itself, and tells when it is paused.
 */
export class SocketReads {
  #socket: ReadSocket | undefined
  #pauses = 0

  /** Undefined for a stream that does not count its bytes. */
  of(socket: ReadSocket): Received | undefined {
    if (socket !== this.#socket) {
      this.#socket = socket
      this.#pauses += 1
      socket.on('pause', () => (this.#pauses += 1))
    }
    const amount: unknown = Reflect.get(socket, 'bytesRead')
    if (typeof amount !== 'number') return undefined
    return { amount, pauses: this.#pauses, isRead: socket.readableFlowing === true }
  }
}
