import { isIpAddress } from '../dsn/ip-address.ts'
import type { Address, Lookup, LookupCallback, LookupOptions } from './lookup.ts'

/**
 * The addresses that a look-up called back with, whichever of its forms it took; what is no numeric address is left out.
 */
export function readAddresses(answer: string | readonly Address[] | undefined): readonly Address[] {
  const given = typeof answer === 'string' ? [{ address: answer }] : Array.isArray(answer) ? answer : []
  return Object.freeze(given.filter(isAddress).map(({ address }) => Object.freeze(addressOf(address))))
}

/** All addresses that a look-up has for a name. */
export function addressesOf(hostname: string, lookup: Lookup): Promise<readonly Address[]> {
  return new Promise((resolve, reject) => {
    lookup(hostname, { all: true }, (error, found) => (error === null ? resolve(readAddresses(found)) : reject(error)))
  })
}

/** A numeric address with the family that its spelling shows. */
export function addressOf(address: string): Address {
  return { address, family: address.includes(':') ? 6 : 4 }
}

/** Calls a socket back in the form that it asked for. */
export function hand(
  hostname: string,
  known: readonly Address[],
  { all, family }: LookupOptions,
  callback: LookupCallback,
): void {
  const wanted = familyOf(family)
  const fitting = known.filter((each) => wanted === undefined || each.family === wanted)
  const [first] = fitting
  if (first === undefined) callback(noAddress(hostname), [])
  else if (all === true) callback(null, fitting)
  else callback(null, first.address, first.family)
}

/** The error of a look-up that succeeded and named no address, in the resolver's own terms. */
export function noAddress(hostname: string): Error {
  const error = new Error(`The look-up of '${hostname}' gave no IP address`)
  return Object.assign(error, { code: 'ENOTFOUND', hostname })
}

function familyOf(family: LookupOptions['family']): number | undefined {
  if (family === 'IPv4' || family === 4) return 4
  return family === 'IPv6' || family === 6 ? 6 : undefined
}

/** What comes from a caller's own look-up may be anything. */
function isAddress(entry: unknown): entry is { readonly address: string } {
  if (typeof entry !== 'object' || entry === null || !('address' in entry)) return false
  return typeof entry.address === 'string' && isIpAddress(entry.address)
}
