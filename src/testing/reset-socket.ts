import type { Socket } from 'node:net'

/**
 * RST to the other side, whatever was written or ended before.
 *
 * A socket whose FIN is not out yet is destroyed instead: Node cannot reset it (EINVAL), loses its descriptor in trying,
 * and then never ends the process, which spins in its clean-up (seen with Node 20.20).
 */
export function resetSocket(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy()
  else socket.resetAndDestroy()
}
