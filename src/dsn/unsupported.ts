import { DsnError } from './dsn-error.ts'
import type { Parameters } from './parameters.ts'
import { originOf, parseInteger } from './values.ts'

/** A parameter that only libpq can honour: which values of it change nothing here, and why the others are refused. */
interface Unsupported {
  readonly harmless: (value: string) => boolean
  readonly why: string
}

const empty = (value: string): boolean => value === ''
const words =
  (...allowed: readonly string[]) =>
  (value: string): boolean =>
    allowed.includes(value)
const notPositive = (value: string): boolean => (parseInteger(value) ?? 1) <= 0
const utf8 = (value: string): boolean => ['', 'AUTO', 'UTF8', 'UTF-8', 'UNICODE'].includes(value.toUpperCase())

const UNSUPPORTED: ReadonlyMap<string, Unsupported> = new Map<string, Unsupported>([
  ['client_encoding', { harmless: utf8, why: 'only UTF8 and auto are supported' }],
  ['channel_binding', { harmless: words('prefer', 'disable'), why: 'a driver cannot be made to insist on it' }],
  ['keepalives_interval', { harmless: notPositive, why: 'Node.js cannot set it; the system default is used' }],
  ['keepalives_count', { harmless: notPositive, why: 'Node.js cannot set it; the system default is used' }],
  ['tcp_user_timeout', { harmless: notPositive, why: 'Node.js cannot set it' }],
  ['sslcompression', { harmless: words('', '0'), why: 'Node.js has no TLS compression' }],
  ['sslcrldir', { harmless: empty, why: 'Node.js takes no folder of revocation lists; use sslcrl' }],
  ['sslkeylogfile', { harmless: empty, why: 'it would write the session keys to a file' }],
  ['requirepeer', { harmless: empty, why: 'Node.js cannot ask who owns the other end of a socket' }],
  ['require_auth', { harmless: empty, why: 'a driver cannot be made to insist on a method' }],
  ['min_protocol_version', { harmless: words('', '3.0'), why: 'drivers speak protocol 3.0' }],
  ['max_protocol_version', { harmless: words('', '3.0', 'latest'), why: 'drivers speak protocol 3.0' }],
  ['gssencmode', { harmless: words('disable', 'prefer'), why: 'GSSAPI is not supported' }],
  ['krbsrvname', { harmless: words('', 'postgres'), why: 'GSSAPI is not supported' }],
  ['gsslib', { harmless: words('', 'gssapi'), why: 'GSSAPI is not supported' }],
  ['gssdelegation', { harmless: words('', '0'), why: 'GSSAPI is not supported' }],
  ['replication', { harmless: words('', 'false', 'off', 'no', '0'), why: 'replication connections are not supported' }],
  ['scram_client_key', { harmless: empty, why: 'pass-through authentication is not supported' }],
  ['scram_server_key', { harmless: empty, why: 'pass-through authentication is not supported' }],
  ['oauth_issuer', { harmless: empty, why: 'OAuth is not supported' }],
  ['oauth_client_id', { harmless: empty, why: 'OAuth is not supported' }],
  ['oauth_client_secret', { harmless: empty, why: 'OAuth is not supported' }],
  ['oauth_scope', { harmless: empty, why: 'OAuth is not supported' }],
])

/** Refuses what libpq would do and we cannot, rather than leaving it out in silence. */
export function refuseUnsupported(parameters: Parameters): void {
  for (const [name, { harmless, why }] of UNSUPPORTED) {
    const given = parameters.get(name)
    if (given === undefined || harmless(given.value)) continue
    const message = `this value of ${name}${originOf(name, given)} is not supported: ${why}`
    throw new DsnError('unsupported-parameter', message, { position: given.position, parameter: name })
  }
}
