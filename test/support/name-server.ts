import type { Lookup } from '../../src/network/lookup.ts'
import { lookupError } from './fake-resolver.ts'

type Entry = readonly string[] | 'hangs' | { readonly code: string }

/** A resolver for real connections, which knows only what a test says; of a name that hangs nothing is ever heard. */
export class NameServer {
  readonly #entries = new Map<string, Entry>()
  readonly #asked = new Map<string, number>()

  readonly lookup: Lookup = (hostname, _options, done) => {
    this.#asked.set(hostname, this.asked(hostname) + 1)
    const entry = this.#entries.get(hostname) ?? { code: 'ENOTFOUND' }
    if (entry === 'hangs') return
    setImmediate(() => {
      if ('code' in entry) done(lookupError(hostname, entry.code))
      else
        done(
          null,
          entry.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
        )
    })
  }

  set(hostname: string, entry: Entry): void {
    this.#entries.set(hostname, entry)
  }

  /** How often a name was looked up. */
  asked(hostname: string): number {
    return this.#asked.get(hostname) ?? 0
  }
}
