import { DsnError } from './dsn-error.ts'
import { isSocketHost } from './host-id.ts'
import type { HostSpec, TlsSpec } from './host-spec.ts'
import { isIpAddress } from './ip-address.ts'
import { readTextFile } from './text-file.ts'

/** What `tls.connect` and the `ssl` option of `pg` take; a plain object, fresh at each call, which a driver may change. */
export interface NodeTlsOptions {
  rejectUnauthorized: boolean
  /** The name to check when there is no server name: an IP address, or `sslsni=0`. Names no address to dial. */
  host: string
  servername?: string
  ca?: string
  crl?: string
  cert?: string
  key?: string
  passphrase?: string
  minVersion?: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'
  maxVersion?: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'
  ALPNProtocols?: string[]
  checkServerIdentity?: () => undefined
}

/** Reads a file; undefined when it is missing or unreadable. */
export type ReadFile = (path: string) => string | undefined

/**
 * The TLS options for an encrypted connection to a host, or undefined when it wants none (`sslmode=disable`, a socket).
 *
 * ```ts
 * const socket = tls.connect({ socket: tcpSocket, ...nodeTlsOptions(dsn.hosts[0]) })
 * ```
 * Certificates are read at each call, so that renewed ones are taken up.
 *
 * @throws {DsnError} a file that a parameter names is missing, or `verify-ca` has no root certificate to verify with.
 */
export function nodeTlsOptions(spec: HostSpec, readFile: ReadFile = readTextFile): NodeTlsOptions | undefined {
  const { tls, host, hostAddress } = spec
  if (tls.mode === 'disable' || (hostAddress === undefined && isSocketHost(host))) return undefined
  return {
    ...verification(tls, readFile),
    ...clientCertificate(tls, readFile),
    ...(tls.sendServerName && !isIpAddress(host) && !isSocketHost(host) ? { servername: host } : {}),
    ...(tls.negotiation === 'direct' ? { ALPNProtocols: ['postgresql'] } : {}),
    ...(isVersion(tls.minVersion) ? { minVersion: tls.minVersion } : {}),
    ...(isVersion(tls.maxVersion) ? { maxVersion: tls.maxVersion } : {}),
    host,
  }
}

type Verification = Pick<NodeTlsOptions, 'rejectUnauthorized' | 'ca' | 'crl' | 'checkServerIdentity'>

function verification(tls: TlsSpec, readFile: ReadFile): Verification {
  const ca = rootCertificates(tls, readFile)
  if (tls.mode === 'verify-ca' && ca === undefined) {
    const message = 'sslmode=verify-ca needs root certificates: give sslrootcert'
    throw new DsnError('unreadable-file', message, { parameter: 'sslrootcert' })
  }
  if (tls.mode !== 'verify-full' && ca === undefined) return { rejectUnauthorized: false }
  const crl = fileOf('sslcrl', tls.revocationList, tls.defaultFiles?.revocationList, readFile)
  return {
    rejectUnauthorized: true,
    ...(ca === undefined ? {} : { ca }),
    ...(crl === undefined ? {} : { crl }),
    ...(tls.mode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
  }
}

/**
 * Undefined means the roots Node.js trusts, or none to verify with. The default file serves `require` and up: with
 * `prefer` and `allow` nobody asked for verification.
 */
function rootCertificates(tls: TlsSpec, readFile: ReadFile): string | undefined {
  if (tls.rootCert === 'system') return undefined
  const isWeak = tls.mode === 'prefer' || tls.mode === 'allow'
  return fileOf('sslrootcert', tls.rootCert, isWeak ? undefined : tls.defaultFiles?.rootCert, readFile)
}

type ClientCertificate = Pick<NodeTlsOptions, 'cert' | 'key' | 'passphrase'>

function clientCertificate(tls: TlsSpec, readFile: ReadFile): ClientCertificate {
  const cert = fileOf('sslcert', tls.cert, tls.defaultFiles?.cert, readFile)
  if (cert === undefined) return {}
  const key = fileOf('sslkey', tls.key, tls.defaultFiles?.key, readFile)
  if (key === undefined) throw unreadable('sslkey', 'there is a client certificate, but no key for it')
  const passphrase = tls.readKeyPassword()
  return passphrase === undefined ? { cert, key } : { cert, key, passphrase }
}

/** A file that was named must be there; a default one need not. */
function fileOf(name: string, given: string | undefined, byDefault: string | undefined, readFile: ReadFile) {
  if (given === undefined) return byDefault === undefined ? undefined : readFile(byDefault)
  const content = readFile(given)
  if (content === undefined) throw unreadable(name, 'the file it names is missing or cannot be read')
  return content
}

function unreadable(parameter: string, what: string): DsnError {
  return new DsnError('unreadable-file', `${parameter}: ${what}`, { parameter })
}

function isVersion(text: string | undefined): text is 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3' {
  return text === 'TLSv1' || text === 'TLSv1.1' || text === 'TLSv1.2' || text === 'TLSv1.3'
}
