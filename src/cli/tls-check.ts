import type { Socket } from 'node:net'
import { connect } from 'node:tls'
import type { TLSSocket } from 'node:tls'
import type { HostSpec } from '../dsn/host-spec.ts'
import { TlsFiles } from '../dsn/tls-files.ts'
import { shown } from './shown.ts'

/** What a handshake showed. */
export interface TlsFindings {
  /** False where the server has no TLS, or the DSN wants none. */
  readonly isEncrypted: boolean
  readonly text: string
  /** Why the certificate does not pass, though the DSN demands it. */
  readonly refusal: string | undefined
}

/** The code of a refusal where the server has no TLS at all. */
export const NO_TLS = 'NO_TLS'

/** What TLS brought is not what the DSN demands. */
export class TlsRefusal extends Error {
  override readonly name = 'TlsRefusal'
  /** Of the verification, for example `CERT_HAS_EXPIRED`. */
  readonly code: string

  constructor(message: string, code: string) {
    super(message)
    this.code = code
  }
}

/** PostgreSQL documentation, 54.7 "Message Formats": SSLRequest. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])

/** Encrypts an open connection as the DSN wants it, and looks at the certificate. The socket is of no use afterwards. */
export async function checkTls(spec: HostSpec, socket: Socket): Promise<TlsFindings> {
  const options = new TlsFiles(spec).options()
  if (options === undefined || spec.tls.mode === 'allow')
    return { isEncrypted: false, text: `off: ${offReason(spec)}`, refusal: undefined }
  if (spec.tls.negotiation === 'postgres' && !(await serverAgrees(socket))) {
    const isDemanded = !['prefer', 'allow'].includes(spec.tls.mode)
    if (!isDemanded)
      return {
        isEncrypted: false,
        text: 'the server has no TLS: the connection is not encrypted',
        refusal: undefined,
      }
    return {
      isEncrypted: false,
      text: `the server has no TLS, but sslmode=${spec.tls.mode} demands it`,
      refusal: NO_TLS,
    }
  }
  // What does not pass is looked at, too, instead of being hung up on.
  const encrypted = connect({ ...options, socket, rejectUnauthorized: false })
  await new Promise<void>((resolve, reject) => {
    encrypted.once('secureConnect', resolve)
    encrypted.once('error', reject)
    encrypted.once('close', () => reject(new Error('the server ended the handshake')))
  })
  return findings(encrypted, options.rejectUnauthorized, spec)
}

function findings(socket: TLSSocket, isVerified: boolean, { tls }: HostSpec): TlsFindings {
  const { subject, valid_to: validTo } = socket.getPeerCertificate()
  const name = shown(Object.values(subject).flat().join(', '))
  const failed = socket.authorized ? undefined : String(socket.authorizationError)
  const verdict = verdictOf(isVerified, failed, tls.mode)
  const until = new Date(validTo).toISOString().slice(0, 10)
  const parts = [socket.getProtocol() ?? 'TLS', `certificate of ${name}`, `valid until ${until}`, verdict]
  return {
    isEncrypted: true,
    text: parts.join(', '),
    refusal: isVerified && failed !== undefined ? shown(failed) : undefined,
  }
}

function verdictOf(isVerified: boolean, failed: string | undefined, mode: string): string {
  if (!isVerified) return `not verified (sslmode=${mode})`
  if (failed !== undefined) return `not accepted: ${shown(failed)}`
  return mode === 'verify-full' ? 'verified with its name' : 'verified without its name'
}

function offReason({ tls, host }: HostSpec): string {
  if (host.startsWith('/') || host.startsWith('@')) return 'a Unix socket'
  return tls.mode === 'allow' ? 'sslmode=allow encrypts only where the server demands it' : `sslmode=${tls.mode}`
}

function serverAgrees(socket: Socket): Promise<boolean> {
  return new Promise((resolve, reject) => {
    socket.once('data', (answer) => {
      if (answer[0] === 0x53 || answer[0] === 0x4e) resolve(answer[0] === 0x53)
      else reject(new Error('the answer to the request for TLS is not one of PostgreSQL'))
    })
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the server ended the connection instead of answering')))
    socket.write(SSL_REQUEST)
  })
}
