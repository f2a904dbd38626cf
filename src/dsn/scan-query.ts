import type { FoundPair, ParameterCollector } from './collect.ts'
import { DsnError } from './dsn-error.ts'
import { indexOfClass } from './find.ts'
import { decodePart } from './percent.ts'

const SEPARATOR = /[=&]/g
const PAIR_END = /[&]/g

/** Scans `name=value&…` to the end of the text. `hostsAreGiven`: the authority named hosts, so the query must not. */
export function scanQuery(text: string, start: number, collector: ParameterCollector, hostsAreGiven: boolean): void {
  const nameIsSafe = !text.includes('@', start)
  let index = start
  while (index < text.length) {
    const end = indexOfClass(text, PAIR_END, index)
    const pair = withJdbcAlias(scanPair(text, index, end))
    if (hostsAreGiven && (pair.name === 'host' || pair.name === 'hostaddr')) throw hostGivenTwice(pair)
    collector.addPair(pair, nameIsSafe)
    index = end + 1
  }
}

function scanPair(text: string, start: number, end: number): FoundPair {
  const equals = indexOfClass(text, SEPARATOR, start)
  if (text[equals] !== '=') {
    throw new DsnError('missing-equals', 'every query parameter needs the form name=value', { position: start })
  }
  const extra = indexOfClass(text, SEPARATOR, equals + 1)
  if (extra < end) {
    throw new DsnError('extra-equals', 'an = inside a query value must be written as %3D', { position: extra })
  }
  const valueStart = equals + 1
  return {
    name: decodePart(text.slice(start, equals), (index) => start + index),
    value: decodePart(text.slice(valueStart, end), (index) => valueStart + index),
    namePosition: start,
    valuePosition: valueStart,
  }
}

/** JDBC's spelling, which libpq takes in a URI only, and only as `true`. */
function withJdbcAlias(pair: FoundPair): FoundPair {
  return pair.name === 'ssl' && pair.value === 'true' ? { ...pair, name: 'sslmode', value: 'require' } : pair
}

function hostGivenTwice({ name, namePosition }: FoundPair): DsnError {
  const message = `${name} in the query beside a host before it: leave the host part empty (postgresql:///db?host=…)`
  return new DsnError('host-given-twice', message, { position: namePosition, parameter: name })
}
