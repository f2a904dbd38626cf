import type { Address, Lookup, SocketLookup } from '../network/lookup.ts'
import { LookupTimeoutError } from '../network/lookup-timeout-error.ts'
import type { Clock } from '../time/clock.ts'
import { ms } from '../time/milliseconds.ts'

type Outcome = Parameters<Parameters<Lookup>[2]>

/**
 * Looks all names up at once, each within `limitMs`, and answers from that. A manager looks up one name after another: one that
 * hangs holds up those behind it, and who looks at the hosts only once has no time for that.
 */
export function lookAllUp(lookup: Lookup, names: readonly string[], limitMs: number, clock: Clock): Lookup {
  const begin = (name: string): Promise<Outcome> =>
    new Promise((resolve) => {
      const timeout = (): void => resolve([new LookupTimeoutError(name, limitMs, undefined)])
      const timer = clock.setTimer(ms(limitMs), timeout, 'nothing')
      lookup(name, { all: true }, (...outcome) => {
        timer.cancel()
        resolve(outcome)
      })
    })
  const outcomes = new Map(names.map((name) => [name, begin(name)]))
  return (name, options, done) => {
    const outcome = outcomes.get(name)
    if (outcome === undefined) lookup(name, options, done)
    else void outcome.then((found) => done(...found))
  }
}

/** A lookup for sockets that has these addresses for every name. */
export function fixedLookup(addresses: readonly Address[]): SocketLookup {
  return (_name, { all }, callback) => {
    const [first] = addresses
    if (all === true || first === undefined) callback(null, [...addresses])
    else callback(null, first.address, first.family)
  }
}
