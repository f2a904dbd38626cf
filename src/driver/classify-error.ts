import type { HostFault } from '../host-fault.ts'
import type { Phase } from './driver.ts'

type Verdict = HostFault | 'nothing'
type Row = { readonly connect: Verdict; readonly session: Verdict }

const row = (connect: Verdict, session: Verdict): Row => ({ connect, session })
const rows = (codes: string, connect: Verdict, session: Verdict): [string, Row][] =>
  codes.split(' ').map((code) => [code, row(connect, session)])

/** errno names of the operating system and the resolver, and hasql's own codes. */
const SYSTEM: ReadonlyMap<string, Row> = new Map([
  ...rows('ECONNREFUSED EHOSTUNREACH EHOSTDOWN ENETUNREACH ENETDOWN EADDRNOTAVAIL', 'down', 'lost'),
  ...rows('ECONNRESET ECONNABORTED EPIPE', 'down', 'lost'),
  ...rows('ETIMEDOUT', 'silent', 'lost'),
  // A resolver that fails says nothing of the server, which may answer to who is connected already.
  ...rows('ENOTFOUND EAI_AGAIN ERR_HASQL_LOOKUP_TIMEOUT', 'unresolved', 'nothing'),
  // Files of ours, which are being renewed or are missing, say nothing of the server either.
  ...rows('ERR_HASQL_CERTIFICATE ERR_HASQL_DSN', 'unresolved', 'nothing'),
  ...rows('ENOENT', 'down', 'nothing'),
  ...rows('EACCES', 'access', 'nothing'),
  ...rows('ERR_HASQL_HOST_LOST', 'lost', 'lost'),
])

/** SQLSTATEs (PostgreSQL documentation, Appendix A) that say something about the server rather than the statement. */
const SQLSTATE: ReadonlyMap<string, Row> = new Map([
  ...rows('57P01 57P02', 'not-ready', 'lost'),
  ...rows('57P03', 'not-ready', 'not-ready'),
  ...rows('53300', 'capacity', 'nothing'),
  ...rows('3D000 42501', 'access', 'nothing'),
  ...rows('25006', 'nothing', 'role-doubted'),
  // "recovery is in progress", and READ WRITE "in a hot standby"; both codes have many other causes.
  ...rows('55000 0A000', 'nothing', 'role-hint'),
  // Poolers answer 08P01 for everything that is wrong behind them, a full pool of theirs included.
  ...rows('08000 08001 08003 08004 08006 08007 08P01', 'lost', 'lost'),
  ...rows('53100 53200 53400 58030 XX000 XX001 XX002', 'server-error', 'server-error'),
])

const TLS_CODE = /^(?:ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|EPROTO$)/

/** From the worst to the mildest: an error made of several (one per address) counts as its worst part. */
const SEVERITY: readonly HostFault[] = [
  'access',
  'not-ready',
  'capacity',
  'down',
  'silent',
  'lost',
  'unresolved',
  'server-error',
  'role-doubted',
  'role-hint',
]

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
