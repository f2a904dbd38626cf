import { OptionsError } from '../../errors.ts'
import type { HostSpec } from '../../dsn/host-spec.ts'
import type { NativeOptions, NativeSql } from './native.ts'
import { makeNative } from './native.ts'
import type { PostgresPoolOptions } from './pool-options.ts'

/** What the DSN says, or the manager. */
const OURS = ['host', 'hostname', 'port', 'path', 'database', 'db', 'user', 'username'] as const
const MANAGED = [
  'pass',
  'connect_timeout',
  'target_session_attrs',
  'backoff',
  'socket',
  'no_subscribe',
  'timeout',
] as const

/**
 * An instance of postgres.js that never connects: its options are those of every connection, and its queries go where they
 * are sent.
 */
export function makeTemplate(given: PostgresPoolOptions): NativeSql {
  for (const name of [...OURS, ...MANAGED]) {
    if (name in given)
      throw new OptionsError(name, `poolOptions.${name} is decided by the DSN and the manager: leave it out`)
  }
  const { max = 10 } = given
  if (!Number.isInteger(max) || max < 1)
    throw new OptionsError('max', 'poolOptions.max must be a whole number of 1 or more')
  const native = makeNative({
    ...given,
    max,
    // Nothing is left for it to read from the environment.
    idle_timeout: given.idle_timeout ?? null,
    max_pipeline: 'max_pipeline' in given ? given.max_pipeline : 100,
    host: 'localhost',
    port: 5432,
    user: 'hasql',
    database: 'hasql',
    password: 'none',
    ssl: false,
    target_session_attrs: 'read-write',
    socket: () => {
      throw new OptionsError('socket', 'The options of a pool manager connect to nothing by themselves')
    },
  })
  Reflect.set(native.options, 'pass', null)
  Reflect.set(native.options, 'target_session_attrs', undefined)
  return native
}

/** The options for connections to one host, with what is the template's still shared with it: parsers and serializers. */
export function optionsFor(
  spec: HostSpec,
  { options }: NativeSql,
  applicationName: string | undefined = spec.applicationName,
): NativeOptions {
  const { connection } = options
  return {
    ...options,
    user: spec.user,
    database: spec.database,
    parameters: {},
    connection: {
      ...(typeof connection === 'object' ? connection : {}),
      ...(applicationName === undefined ? {} : { application_name: applicationName }),
      ...(spec.serverOptions === undefined ? {} : { options: spec.serverOptions }),
    },
  }
}
