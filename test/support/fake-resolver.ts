import type { Lookup } from '../../src/network/lookup.ts'

type LookupDone = Parameters<Lookup>[2]

/** A resolver whose look-ups end when the test says so. */
export class FakeResolver {
  /** The names that were asked for, in order. */
  readonly asked: string[] = []
  readonly #open: { readonly hostname: string; readonly done: LookupDone }[] = []

  readonly lookup: Lookup = (hostname, _options, done) => {
    this.asked.push(hostname)
    this.#open.push({ hostname, done })
  }

  /** The look-ups that have not ended, oldest first. */
  get open(): readonly string[] {
    return this.#open.map(({ hostname }) => hostname)
  }

  /** The oldest look-up of a name ends with these addresses, or with an error of this code. */
  end(hostname: string, outcome: readonly string[] | { readonly code: string }): void {
    const done = this.take(hostname)
    if ('code' in outcome) done(lookupError(hostname, outcome.code))
    else
      done(
        null,
        outcome.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      )
  }

  /** Takes the oldest look-up of a name out, to be ended by the test itself. */
  take(hostname: string): LookupDone {
    const index = this.#open.findIndex((each) => each.hostname === hostname)
    const [flight] = index < 0 ? [] : this.#open.splice(index, 1)
    if (flight === undefined) throw new Error(`no look-up of ${hostname} is under way`)
    return flight.done
  }
}

/** As Node's resolver words it. */
export function lookupError(hostname: string, code: string): Error {
  return Object.assign(new Error(`getaddrinfo ${code} ${hostname}`), { code, hostname })
}
