import { AddressBook } from '../network/address-book.ts'
import { ms } from '../time/milliseconds.ts'
import type { ResolvedOptions } from './options.ts'

/** How long a connect waits for a name that it knows an address of. */
const PATIENCE_MS = 250

/** A manager's book of addresses: waiting for a name must leave time for the connect, or the probe, that it is for. */
export function openAddressBook({ clock, lookup, refreshTimeoutMs, connectTimeoutMs }: ResolvedOptions): AddressBook {
  const patienceMs = ms(Math.min(PATIENCE_MS, refreshTimeoutMs / 4, connectTimeoutMs / 4))
  return new AddressBook({ clock, lookup, limitMs: ms(connectTimeoutMs * 0.9), patienceMs })
}
