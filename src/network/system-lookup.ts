import { ADDRCONFIG, lookup } from 'node:dns'
import type { Lookup } from './lookup.ts'

/** As `net.connect` asks by itself: only families that this machine has an address of, where the system can tell. */
const hints = process.platform === 'win32' ? 0 : ADDRCONFIG

/** The operating system's resolver: the hosts file, DNS, and whatever else the machine is set up to ask. */
export const systemLookup: Lookup = (hostname, options, callback) => {
  lookup(hostname, { ...options, hints }, callback)
}
