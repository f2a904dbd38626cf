import { EventEmitter } from 'node:events'

/** The settings that Sequelize gives each new connection, in one text and with nothing else in it. */
const SETTINGS =
  /^(?:SET (?:standard_conforming_strings=on|client_min_messages TO \w+|TIME ZONE (?:INTERVAL )?'[^';]*'(?: HOUR TO MINUTE)?);)+$/

/** How Sequelize asks for the types of the database, on a new connection and when it has made a type itself. */
const TYPES = /^\s*WITH ranges AS\s*\(\s*SELECT pg_range\.rngtypid/

/** The settings that a connection was given last, by whatever Sequelize; gone as soon as somebody changes one. */
const settings = new WeakMap<object, { text: string | undefined }>()

/**
 * What Sequelize says to every new connection, said to each real connection once.
 *
 * To Sequelize every lease is a new connection, so without this each query would cost two or three round trips.
 */
export class SetupStatements {
  readonly #knowTypes = new WeakSet<object>()
  #types: unknown

  /** The answer that needs no server, if there is one. */
  answer(client: object, text: string): unknown {
    if (settings.get(client)?.text === text) return { command: 'SET', rowCount: null, oid: null, rows: [], fields: [] }
    return TYPES.test(text) && this.#knowTypes.has(client) ? this.#types : undefined
  }

  /** Whether Sequelize says this to new connections. */
  includes(text: string): boolean {
    return SETTINGS.test(text) || TYPES.test(text)
  }

  /** What was said and answered, at the beginning or later: the types asked for last are the ones that hold. */
  answered(client: object, text: string, result: unknown): void {
    if (SETTINGS.test(text)) settingsOf(client).text = text
    if (!TYPES.test(text)) return
    this.#types = result
    this.#knowTypes.add(client)
  }
}

function settingsOf(client: object): { text: string | undefined } {
  const known = settings.get(client)
  if (known !== undefined) return known
  const made: { text: string | undefined } = { text: undefined }
  settings.set(client, made)
  // The server tells of a change of the time zone and of the strings' syntax; our own was told of before its answer.
  const connection: unknown = Reflect.get(client, 'connection')
  if (connection instanceof EventEmitter) connection.on('parameterStatus', () => (made.text = undefined))
  return made
}
