import { statSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { HasqlError } from '../errors.ts'
import type { HostSpec } from './host-spec.ts'
import { readTextFile } from './text-file.ts'
import { nodeTlsOptions } from './tls-options.ts'
import type { NodeTlsOptions } from './tls-options.ts'

/**
 * The certificates, keys and lists that the DSN names are there, and cannot be used: most often the client certificate was renewed and
 * its key not yet, or a file was read while it was written. It is the error of one connection; the next one reads the files again.
 */
export class CertificateError extends HasqlError {
  override readonly name = 'CertificateError'
  declare readonly code: 'ERR_HASQL_CERTIFICATE'

  constructor(why: string, options?: ErrorOptions) {
    super('ERR_HASQL_CERTIFICATE', why, options)
  }
}

/** What tells one content of a file from the next without reading it. A symbolic link is followed, as Kubernetes renews secrets. */
type Stamp = string

/** The TLS options of one host, for each connection anew. Looks at every file (`stat`) each time and reads those that have changed. */
export class TlsFiles {
  readonly #spec: HostSpec
  readonly #known = new Map<string, { readonly stamp: Stamp; readonly text: string | undefined }>()
  /** The texts that were found to be of use together. */
  #usable: string | undefined

  constructor(spec: HostSpec) {
    this.#spec = spec
  }

  /**
   * Undefined where the host wants no encryption.
   * @throws {DsnError} a file is missing, or `verify-ca` has no root certificate.
   * @throws {CertificateError} the files are no certificates, or certificate and key do not belong together.
   */
  options(): NodeTlsOptions | undefined {
    const options = nodeTlsOptions(this.#spec, (path) => this.#read(path))
    if (options !== undefined) this.#check(options)
    return options
  }

  #read(path: string): string | undefined {
    const stamp = stampOf(path)
    const known = this.#known.get(path)
    if (known !== undefined && stamp !== undefined && known.stamp === stamp) return known.text
    const text = readTextFile(path)
    if (stamp === undefined) this.#known.delete(path)
    else this.#known.set(path, { stamp, text })
    return text
  }

  /** Before a socket is opened: in the middle of a handshake OpenSSL would say this in words of its own. */
  #check({ ca, crl, cert, key, passphrase }: NodeTlsOptions): void {
    const texts = [ca, crl, cert, key].map((text) => text ?? '').join('\0')
    if (texts === this.#usable || texts === '\0\0\0') return
    try {
      createSecureContext({
        ...(ca === undefined ? {} : { ca }),
        ...(crl === undefined ? {} : { crl }),
        ...(cert === undefined ? {} : { cert }),
        ...(key === undefined ? {} : { key }),
        ...(passphrase === undefined ? {} : { passphrase }),
      })
    } catch (cause) {
      throw new CertificateError(wordFailure(cause), { cause })
    }
    this.#usable = texts
  }
}

function stampOf(path: string): Stamp | undefined {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = statSync(path)
    return [dev, ino, size, mtimeMs, ctimeMs].join(' ')
  } catch {
    return undefined
  }
}

function wordFailure(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  if (code.includes('KEY_VALUES_MISMATCH'))
    return 'sslcert and sslkey do not belong together: one of them was renewed, and the other was not yet'
  return 'sslcert, sslkey, sslrootcert or sslcrl names a file that cannot be used: it is no PEM, is cut short, or sslpassword does not open it'
}
