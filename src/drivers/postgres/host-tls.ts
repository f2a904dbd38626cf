import type { ConnectionOptions } from 'node:tls'
import type { HostSpec } from '../../dsn/host-spec.ts'
import { isSocketHost } from '../../dsn/host-id.ts'
import { isIpAddress } from '../../dsn/ip-address.ts'
import { TlsFiles } from '../../dsn/tls-files.ts'
import { codeOf } from '../../driver/classify-error.ts'

/** How one connection is to be encrypted. */
export interface TlsWish {
  readonly options: ConnectionOptions
  /** Whether a server without TLS will do, which then is spoken to in plain. */
  readonly isOptional: boolean
  /** Whether the handshake begins at once, without asking for it. */
  readonly isDirect: boolean
}

/** postgres.js' own `ssl`; when given, it replaces what the DSN says for every host. */
export type SslOption = 'require' | 'allow' | 'prefer' | 'verify-full' | boolean | object | undefined

/**
 * Which of plain and TLS a host's connections use now.
 *
 * `prefer` asks for TLS and goes on in plain only when the server itself says that it has none; `allow` starts plain and goes
 * to TLS when the server refuses the plain connection (28000). What was learnt holds as long as the manager lives.
 */
export class HostTls {
  readonly #spec: HostSpec
  readonly #given: SslOption
  readonly #files: TlsFiles
  #refusesPlain = false

  constructor(spec: HostSpec, given: SslOption) {
    this.#spec = spec
    this.#given = given
    this.#files = new TlsFiles(spec)
  }

  /**
   * Undefined for a plain connection. What was renewed of certificates, keys and lists is read again.
   * @throws {DsnError | CertificateError} the files are not there or cannot be used now.
   */
  wish(): TlsWish | undefined {
    const isDirect = this.#spec.tls.negotiation === 'direct'
    if (this.#given !== undefined) return wishOf(this.#spec, this.#given, isDirect)
    const { mode } = this.#spec.tls
    const options = mode === 'allow' && !this.#refusesPlain ? undefined : this.#files.options()
    return options === undefined ? undefined : { options, isOptional: mode === 'prefer', isDirect }
  }

  /** Whether an attempt that failed with `error` is to be repeated the other way. */
  fallBack(error: unknown, attempted: TlsWish | undefined): boolean {
    if (attempted !== undefined || this.#given !== undefined || this.#spec.tls.mode !== 'allow') return false
    this.#refusesPlain ||= codeOf(error) === '28000'
    return this.#refusesPlain
  }
}

function wishOf(spec: HostSpec, given: NonNullable<SslOption>, isDirect: boolean): TlsWish | undefined {
  const { host, hostAddress, port } = spec
  if (given === false || (hostAddress === undefined && isSocketHost(host))) return undefined
  const isLax = given === 'require' || given === 'allow' || given === 'prefer'
  const options: ConnectionOptions = {
    host,
    port,
    ...(isIpAddress(host) || isSocketHost(host) ? {} : { servername: host }),
    ...(isLax ? { rejectUnauthorized: false } : {}),
    ...(isDirect ? { ALPNProtocols: ['postgresql'] } : {}),
    ...(typeof given === 'object' ? given : {}),
  }
  return { options, isOptional: given === 'prefer', isDirect }
}
