import type { SocketLookup } from '../../src/network/lookup.ts'

/** For drivers of tests, whose servers have no addresses: nothing is ever looked up. */
export const noLookup: SocketLookup = (hostname) => {
  throw new Error(`${hostname} was looked up`)
}
