import { MAX_CONNECTING } from '../../../src/pool/supply.ts'
import type { World } from '../world.ts'

/**
 * At most two connections are being made at one host at any moment, whatever waits for them. Those that `clear` has
 * destroyed are not being made any more, though the driver has not said so yet.
 */
export function checkConnectLimit(world: World): void {
  world.announcer.on('born', ({ pool }) => {
    let making = 0
    for (const { socket, onConnect } of pool.live) if (onConnect !== undefined && !socket.isClosed) making += 1
    // The one just born has no `onConnect` yet.
    if (making + 1 > MAX_CONNECTING)
      world.violated('the connect limit', `${making + 1} connections to ${pool.hostId} are being made`)
  })
}
