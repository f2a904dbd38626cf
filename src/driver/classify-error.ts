import type { HostFault } from '../host-fault.ts'
import type { Phase } from './driver.ts'

type Verdict = HostFault | 'nothing'
type Row = { readonly connect: Verdict; readonly session: Verdict }

const row = (connect: Verdict, session: Verdict): Row => ({ connect, session })

/** errno names of the operating system and the resolver, and our own word for a resolver that does not answer. */
const SYSTEM: ReadonlyMap<string, Row> = new Map([
  ['ECONNREFUSED', row('down', 'lost')],
  ['EHOSTUNREACH', row('down', 'lost')],
  ['EHOSTDOWN', row('down', 'lost')],
  ['ENETUNREACH', row('down', 'lost')],
  ['ENETDOWN', row('down', 'lost')],
  ['EADDRNOTAVAIL', row('down', 'lost')],
  ['ENOTFOUND', row('down', 'nothing')],
  ['EAI_AGAIN', row('down', 'nothing')],
  ['ENOENT', row('down', 'nothing')],
  ['EACCES', row('access', 'nothing')],
  ['ECONNRESET', row('down', 'lost')],
  ['ECONNABORTED', row('down', 'lost')],
  ['EPIPE', row('down', 'lost')],
  ['ETIMEDOUT', row('silent', 'lost')],
  ['ERR_HASQL_LOOKUP_TIMEOUT', row('silent', 'nothing')],
])

/** SQLSTATEs (PostgreSQL documentation, Appendix A) that say something about the server rather than the statement. */
const SQLSTATE: ReadonlyMap<string, Row> = new Map([
  ['57P01', row('not-ready', 'lost')],
  ['57P02', row('not-ready', 'lost')],
  ['57P03', row('not-ready', 'not-ready')],
  ['53300', row('capacity', 'nothing')],
  ['3D000', row('access', 'nothing')],
  ['42501', row('access', 'nothing')],
  ['25006', row('nothing', 'role-doubted')],
  // Poolers answer 08P01 for everything that is wrong behind them.
  ['08P01', row('down', 'lost')],
  ['08001', row('down', 'lost')],
  ['08004', row('down', 'lost')],
  ['08000', row('down', 'lost')],
  ['08003', row('down', 'lost')],
  ['08006', row('down', 'lost')],
  ['08007', row('down', 'lost')],
])

const TLS_CODE = /^(?:ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|EPROTO$)/

/** From the worst to the mildest: an error made of several (one per address) counts as its worst part. */
const SEVERITY: readonly HostFault[] = ['access', 'not-ready', 'capacity', 'down', 'silent', 'lost', 'role-doubted']

/**
 * What an error says about the host it came from, by SQLSTATE, errno and phase; never by message, which is localised.
 *
 * ```ts
 * classifyError(Object.assign(new Error(), { code: '57P03' }), 'connect')   // 'not-ready'
 * ```
 * Undefined when it says nothing about the host: the statement was wrong, a lock was held, the caller cancelled.
 */
export function classifyError(error: unknown, phase: Phase): HostFault | undefined {
  if (error instanceof AggregateError) return worstOf(error.errors, phase)
  const code = codeOf(error)
  if (code === undefined) return undefined
  const verdict = (SYSTEM.get(code) ?? SQLSTATE.get(code) ?? byFamily(code))[phase]
  return verdict === 'nothing' ? undefined : verdict
}

/** The `code` of an error: a SQLSTATE, an errno name or Node's own. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

function byFamily(code: string): Row {
  if (code.length === 5 && code.startsWith('28')) return row('access', 'nothing')
  return TLS_CODE.test(code) ? row('access', 'lost') : row('nothing', 'nothing')
}

function worstOf(errors: readonly unknown[], phase: Phase): HostFault | undefined {
  const faults = new Set(errors.map((part) => classifyError(part, phase)))
  return SEVERITY.find((fault) => faults.has(fault))
}
