import type { DriverTypeParser } from 'slonik'
import { OptionsError } from '../../errors.ts'
import type { TypeParsers } from '../kysely/leases.ts'
import type { SlonikClient } from './leased-client.ts'

type Parse = (value: string) => unknown

interface TypeRow {
  readonly name: string
  readonly oid: number
  readonly list: number
}

const TYPES = `select typname as name, oid::int, typarray::int as list
  from pg_catalog.pg_type where typname operator(pg_catalog.=) any($1)`

/** How `pg` knows `text[]`, whose elements it leaves as they are. */
const TEXT_LIST = 1009

/** Slonik's type parsers go by the names of types; what numbers these have, the server tells. */
export class NamedParsers {
  readonly #given: readonly DriverTypeParser[]
  #known: ReadonlyMap<number, Parse> | undefined

  constructor(given: readonly DriverTypeParser[]) {
    this.#given = given
  }

  /** Asks for the numbers, unless that was done: a cluster's hosts have the same. @throws {OptionsError} a type is missing. */
  async learn(client: SlonikClient): Promise<void> {
    if (this.#known !== undefined) return
    const known = new Map<number, Parse>()
    if (this.#given.length > 0) {
      const values = [this.#given.map(({ name }) => name)]
      const { rows } = await client.query<TypeRow>({ text: TYPES, values })
      for (const parser of this.#given) add(known, parser, rows, client.getTypeParser(TEXT_LIST, 'text'))
    }
    this.#known = known
  }

  /** These parsers, and for all other types those of the client. */
  of(client: SlonikClient): TypeParsers {
    return { getTypeParser: (oid, format) => this.#known?.get(oid) ?? client.getTypeParser(oid, format) }
  }
}

function add(known: Map<number, Parse>, parser: DriverTypeParser, rows: readonly TypeRow[], elementsOf: Parse): void {
  const { name, parse } = parser
  const found = rows.filter((row) => row.name === name)
  if (found.length === 0) {
    throw new OptionsError(
      'typeParsers',
      `The database has no type '${name}': create it, or leave its parser out of typeParsers`,
    )
  }
  for (const { oid, list } of found) {
    known.set(oid, (value) => parse(value))
    if (list !== 0) known.set(list, (value) => eachParsed(elementsOf(value), parse))
  }
}

function eachParsed(value: unknown, parse: Parse): unknown {
  if (Array.isArray(value)) return value.map((element) => eachParsed(element, parse))
  return typeof value === 'string' ? parse(value) : value
}
