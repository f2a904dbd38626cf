/** One address of a name: IPv4 (`family: 4`) or IPv6 (`family: 6`). */
export interface Address {
  readonly address: string
  readonly family: number
}

/** What a driver's socket asks with; the same words as Node's `dns.LookupOptions`. */
export interface LookupOptions {
  /** Whether all addresses are wanted, or the first alone. */
  readonly all?: boolean | undefined
  readonly family?: number | 'IPv4' | 'IPv6' | undefined
}

/**
 * Looks a name up and calls back once: with an error, with all addresses, or with one address and its family.
 *
 * ```ts
 * const lookup: Lookup = (hostname, _options, callback) => {
 *   registry.find(hostname).then(({ ip }) => callback(null, [{ address: ip, family: 4 }]), callback)
 * }
 * ```
 * `dns.lookup` of Node is one, and so is anything of Node's type `net.LookupFunction`. hasql always asks with `all: true`.
 */
export type Lookup = (
  hostname: string,
  options: { readonly all: true },
  callback: (error: Error | null, address?: string | readonly Address[], family?: number) => void,
) => void

/** What a socket calls with the outcome: a list if it asked for all, else the first address and its family. */
export type LookupCallback = (error: Error | null, address: string | Address[], family?: number) => void

/**
 * What a driver gives its sockets as their `lookup`; fits `net.connect`, `tls.connect` and every driver that takes one.
 *
 * Behind it is the manager's book of addresses: one look-up at a time, the addresses last known where the resolver fails.
 */
export type SocketLookup = (hostname: string, options: LookupOptions, callback: LookupCallback) => void
