import pg from 'pg'
import { classifyError, codeOf } from '../../driver/classify-error.ts'
import type { Driver, Phase, PoolOptions } from '../../driver/driver.ts'
import type { HostSpec } from '../../dsn/host-spec.ts'
import type { HostFault } from '../../host-fault.ts'
import type { PgPoolOptions } from './config.ts'
import { TlsChoice, isTlsRefusal } from './config.ts'
import { guardedClientClass } from './guarded-client.ts'
import type { GuardedClient, PgModule } from './guarded-client.ts'
import { PgPool } from './pool.ts'
import type { PoolClasses } from './pool.ts'
import { PgProbe } from './probe.ts'

/** The driver for `pg` (node-postgres). One for each manager: it remembers which hosts speak TLS. */
export function createPgDriver(given: PgPoolOptions = {}, module: PgModule = pg): Driver<GuardedClient, pg.Pool> {
  return pgDriver('pg', given, module, () => ({ Pool: module.Pool, Client: guardedClientClass(module) }))
}

/**
 * A driver whose pools are made of the classes that `classesFor` gives for a host, and whose probes are clients of `module` with the
 * settings that `probesAs` gives for it.
 */
export function pgDriver(
  name: string,
  given: PgPoolOptions,
  module: PgModule,
  classesFor: (spec: HostSpec, options: PoolOptions) => PoolClasses,
  probesAs: (spec: HostSpec) => PgPoolOptions = () => given,
): Driver<GuardedClient, pg.Pool> {
  const choices = new WeakMap<HostSpec, TlsChoice>()
  const tlsOf = (spec: HostSpec, isOwn = false): TlsChoice => {
    const choice = choices.get(spec) ?? new TlsChoice(spec, isOwn ? undefined : given.ssl)
    choices.set(spec, choice)
    return choice
  }
  return {
    name,
    openPool: (spec, options, hooks) => new PgPool(classesFor(spec, options), spec, given, options, tlsOf(spec), hooks),
    openProbe: (spec, options) => {
      const isOwn = options.hasOwnCredentials === true
      const { ssl: _ssl, password: _password, ...others } = probesAs(spec)
      return new PgProbe(module, spec, isOwn ? others : probesAs(spec), tlsOf(spec, isOwn), options)
    },
    classify: classifyPgError,
  }
}

/**
 * `pg` raises some of its own errors without a code; they are told apart here, by its English texts, and nowhere else.
 * Texts of the server are never read.
 */
const CODELESS: ReadonlyMap<string, { readonly connect: HostFault; readonly session: HostFault }> = new Map([
  // The statement stays in front of whatever is sent next, so the connection is of no use any more.
  ['Query read timeout', { connect: 'silent', session: 'lost' }],
  ['Client has encountered a connection error and is not queryable', { connect: 'lost', session: 'lost' }],
  ['Connection terminated unexpectedly', { connect: 'down', session: 'lost' }],
  ['Connection terminated', { connect: 'down', session: 'lost' }],
  ['timeout expired', { connect: 'silent', session: 'lost' }],
  ['timeout exceeded when trying to connect', { connect: 'capacity', session: 'lost' }],
  ['Connection terminated due to connection timeout', { connect: 'silent', session: 'lost' }],
])

function classifyPgError(error: unknown, phase: Phase): HostFault | undefined {
  if (codeOf(error) !== undefined || !(error instanceof Error)) return classifyError(error, phase)
  if (phase === 'connect' && (isTlsRefusal(error) || error.message.startsWith('SASL'))) return 'access'
  return CODELESS.get(error.message)?.[phase] ?? classifyError(error, phase)
}
