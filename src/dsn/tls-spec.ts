import { join } from 'node:path'

import { DsnError } from './dsn-error.ts'
import type { SslMode, TlsDefaultFiles, TlsSpec } from './host-spec.ts'
import type { Parameters } from './parameters.ts'
import { badValue, oneOf, textOf } from './values.ts'

const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
const TLS_VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const

/** Reads the TLS parameters; `certificateFolder` is where libpq's default certificate files are. */
export function readTlsSpec(parameters: Parameters, certificateFolder: string | undefined): TlsSpec {
  const rootCert = textOf(parameters, 'sslrootcert')
  const mode = oneOf(parameters, 'sslmode', SSL_MODES, rootCert === 'system' ? 'verify-full' : 'prefer')
  const negotiation = oneOf(parameters, 'sslnegotiation', ['postgres', 'direct'], 'postgres')
  refuseWeakMode(mode, rootCert, negotiation, parameters)
  const minVersion = versionOf(parameters, 'ssl_min_protocol_version')
  const maxVersion = versionOf(parameters, 'ssl_max_protocol_version')
  refuseEmptyRange(minVersion, maxVersion, parameters)
  const sendsCertificate = sslCertMode(parameters) === 'allow'
  const keyPassword = textOf(parameters, 'sslpassword')
  return Object.freeze({
    mode,
    modeIsGiven: parameters.has('sslmode'),
    negotiation,
    rootCert,
    cert: sendsCertificate ? textOf(parameters, 'sslcert') : undefined,
    key: sendsCertificate ? textOf(parameters, 'sslkey') : undefined,
    revocationList: textOf(parameters, 'sslcrl'),
    minVersion,
    maxVersion,
    sendServerName: oneOf(parameters, 'sslsni', ['0', '1'], '1') === '1',
    readKeyPassword: () => keyPassword,
    defaultFiles: certificateFolder === undefined ? undefined : defaultFiles(certificateFolder, sendsCertificate),
  })
}

/** libpq's names for the files it looks for when nobody names one. */
function defaultFiles(folder: string, sendsCertificate: boolean): TlsDefaultFiles {
  return Object.freeze({
    rootCert: join(folder, 'root.crt'),
    revocationList: join(folder, 'root.crl'),
    cert: sendsCertificate ? join(folder, 'postgresql.crt') : undefined,
    key: sendsCertificate ? join(folder, 'postgresql.key') : undefined,
  })
}

function sslCertMode(parameters: Parameters): 'allow' | 'disable' {
  const mode = oneOf(parameters, 'sslcertmode', ['disable', 'allow', 'require'], 'allow')
  if (mode !== 'require') return mode
  const message = 'sslcertmode=require is not supported: Node.js cannot tell whether the server asked for a certificate'
  const position = parameters.get('sslcertmode')?.position
  throw new DsnError('unsupported-parameter', message, { position, parameter: 'sslcertmode' })
}

function refuseWeakMode(mode: SslMode, rootCert: string | undefined, negotiation: string, given: Parameters): void {
  const position = given.get('sslmode')?.position
  if (rootCert === 'system' && mode !== 'verify-full') {
    const message = 'sslrootcert=system needs sslmode=verify-full: anybody can get a certificate those roots trust'
    throw new DsnError('weak-sslmode', message, { position, parameter: 'sslmode' })
  }
  if (negotiation === 'direct' && ['disable', 'allow', 'prefer'].includes(mode)) {
    const message = 'sslnegotiation=direct needs sslmode=require, verify-ca or verify-full'
    throw new DsnError('weak-sslmode', message, { position, parameter: 'sslmode' })
  }
}

type TlsVersion = (typeof TLS_VERSIONS)[number]

function versionOf(parameters: Parameters, name: string): TlsVersion | undefined {
  const given = parameters.get(name)
  if (given === undefined || given.value === '') return undefined
  const version = TLS_VERSIONS.find((known) => known.toLowerCase() === given.value.toLowerCase())
  if (version === undefined) throw badValue(name, given, `must be one of ${TLS_VERSIONS.join(', ')}`)
  return version
}

function refuseEmptyRange(min: TlsVersion | undefined, max: TlsVersion | undefined, parameters: Parameters): void {
  const given = parameters.get('ssl_max_protocol_version')
  if (given === undefined || max === undefined) return
  if (TLS_VERSIONS.indexOf(min ?? 'TLSv1.2') <= TLS_VERSIONS.indexOf(max)) return
  throw badValue(
    'ssl_max_protocol_version',
    given,
    'must not be lower than ssl_min_protocol_version (TLSv1.2 if unset)',
  )
}
