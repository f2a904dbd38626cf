import { AddressBook } from '../../src/network/address-book.ts'
import type { Lookup, LookupOptions } from '../../src/network/lookup.ts'
import { ms } from '../../src/time/milliseconds.ts'
import { FakeClock } from './fake-clock.ts'
import { FakeResolver } from './fake-resolver.ts'

/** What one connect was told: addresses, or the code of an error; undefined as long as it waits. */
export interface Connect {
  readonly told: () => readonly string[] | string | undefined
  readonly error: () => Error | undefined
}

export interface BookRig {
  readonly clock: FakeClock
  readonly resolver: FakeResolver
  readonly book: AddressBook
  /** A socket asks for a name; it must be answered once. */
  readonly connect: (hostname: string, options?: LookupOptions) => Connect
  /** Makes a name known: a connect whose look-up succeeded. */
  readonly know: (hostname: string, ...addresses: string[]) => void
}

/** A book of addresses on a fake clock: a connect waits 2700 ms, or 250 ms where an address is known. */
export function bookRig(lookup?: Lookup): BookRig {
  const clock = new FakeClock()
  const resolver = new FakeResolver()
  const settings = { clock, lookup: lookup ?? resolver.lookup, limitMs: ms(2_700), patienceMs: ms(250) }
  const book = new AddressBook(settings)
  const connect = (hostname: string, options: LookupOptions = { all: true }): Connect => {
    const answers: (readonly string[] | Error)[] = []
    book.lookup(hostname, options, (error, address, family) => {
      if (answers.length > 0) throw new Error(`${hostname} was answered twice`)
      const list =
        typeof address === 'string' ? [`${address} of family ${family ?? '?'}`] : address.map((each) => each.address)
      answers.push(error ?? list)
    })
    const [error, told] = [
      () => answers.find((answer) => answer instanceof Error),
      () => answers.map((answer) => (answer instanceof Error ? codeOf(answer) : answer))[0],
    ]
    return { told, error }
  }
  const know = (hostname: string, ...addresses: string[]): void => {
    connect(hostname)
    resolver.end(hostname, addresses)
  }
  return { clock, resolver, book, connect, know }
}

function codeOf(error: Error): string {
  return 'code' in error ? String(error.code) : error.name
}
