import postgres from 'postgres'
import { HasqlError } from '../../errors.ts'

/** What is used of a query of postgres.js: it is handed to its `handler` once somebody waits for it. */
export interface NativeQuery {
  handler: ((query: NativeQuery) => void) & { readonly debug?: unknown }
  canceller: ((query: NativeQuery) => void) | null
  strings: readonly string[]
  resolve: (result: unknown) => void
  reject: (error: unknown) => void
  /** Whether its answer is the next to come. */
  active: boolean
  /** The session's number and key, once it was handed to a connection. */
  readonly state: { readonly pid: number | null; readonly secret: number | null } | null
  /** Its text, once it was handed to a connection. */
  readonly string?: string
  readonly origin: string
  readonly prepared?: boolean
  readonly retried?: unknown
  /** Who takes the rows of a cursor. */
  readonly cursorFn?: unknown
  /** COPY in either direction. */
  readonly streaming?: boolean
  /** Whether it was called off, and is not to be sent. */
  cancelled: unknown
  catch(onRejected: (error: unknown) => void): unknown
  then(onResolved: (result: unknown) => void, onRejected: (error: unknown) => void): unknown
}

/** What is used of a connection of postgres.js. */
export interface NativeConnection {
  /** Sends a query; whether another one may be sent at once. */
  execute(query: NativeQuery): unknown
  /** Called when everything sent was answered. */
  reserved: ((() => void) & { release?: boolean }) | null
}

/** What is used of an instance of postgres.js: its queries go where their `handler` says. */
export interface NativeSql {
  (first: unknown, ...rest: readonly unknown[]): unknown
  unsafe(text: string, args?: readonly unknown[], options?: object): unknown
  readonly options: NativeOptions
  readonly parameters: unknown
}

/** The options as postgres.js has read them; it takes them back as they are. */
export interface NativeOptions {
  readonly [name: string]: unknown
  readonly shared: object
}

/** postgres.js with these options; what it cannot read, it says itself. */
export function makeNative(options: object): NativeSql {
  const made: unknown = Reflect.apply(postgres, undefined, [options])
  if (isNativeSql(made)) return made
  throw unfit()
}

/** A query that has no handler of its own left. */
export function nativeQuery(made: unknown): NativeQuery {
  if (isNativeQuery(made)) return made
  throw unfit()
}

/** Whether it is a query, and no fragment helper: `sql('name')`, `sql({ ... })`. */
export function isNativeQuery(made: unknown): made is NativeQuery {
  return typeof made === 'object' && made !== null && 'handler' in made && 'canceller' in made
}

export function isNativeConnection(given: unknown): given is NativeConnection {
  return typeof given === 'object' && given !== null && 'execute' in given
}

/** An error of the server as postgres.js makes them. */
export function serverError(fields: object): Error {
  const made: unknown = Reflect.construct(postgres.PostgresError, [fields])
  return made instanceof Error ? made : new Error('The server refused')
}

function isNativeSql(made: unknown): made is NativeSql {
  if (typeof made !== 'function' || !('unsafe' in made) || !('options' in made)) return false
  return typeof made.options === 'object' && made.options !== null && 'shared' in made.options
}

/** hasql stands on parts of postgres.js that are not in its documentation. */
function unfit(): HasqlError {
  const text = 'This version of postgres is not one that hasql/postgres can work with: install 3.4.8 or a later 3.4'
  return new HasqlError('ERR_HASQL_DRIVER_VERSION', text)
}
