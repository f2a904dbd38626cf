/** What went wrong in TLS, and what to do about it. */
export interface TlsTrouble {
  /** In words, with OpenSSL's code, which is what a search finds. */
  readonly says: string
  readonly advice: string
}

const CLIENT_CERTIFICATE =
  'sslcert and sslkey must name a client certificate by an authority in the ssl_ca_file of the server.'
const VERSIONS = 'Compare ssl_min_protocol_version and ssl_max_protocol_version on both sides.'
const FILES = 'Look at the files of sslcert, sslkey and sslrootcert.'

/** OpenSSL's reasons, which are never translated, from the particular to the general. */
const REASONS: readonly (readonly [reason: RegExp, says: string, advice: string])[] = [
  [/unknown ca/, 'the server does not know the authority of the client certificate', CLIENT_CERTIFICATE],
  [/certificate required|peer did not return/, 'the server demands a client certificate', CLIENT_CERTIFICATE],
  [/certificate revoked/, 'the client certificate is revoked', 'Have a new one made: sslcert and sslkey.'],
  [/certificate expired/, 'the client certificate has expired', 'Have a new one made: sslcert and sslkey.'],
  [
    /bad certificate|certificate unknown|unsupported certificate/,
    'the server does not accept the client certificate',
    CLIENT_CERTIFICATE,
  ],
  [
    /certificate verify failed/,
    'the certificate was not accepted',
    'Name the root certificate of its authority with sslrootcert.',
  ],
  [
    /wrong version number|packet length|http request|record layer failure/,
    'what answers does not speak TLS',
    'Is the port right? With sslnegotiation=direct the server must be PostgreSQL 17 or newer, with ssl on.',
  ],
  [
    /no application protocol/,
    'the server does not take TLS without being asked first',
    'Leave sslnegotiation=direct out: it needs PostgreSQL 17.',
  ],
  [
    /unsupported protocol|protocol version|version too|no protocols/,
    'both sides have no version of TLS in common',
    VERSIONS,
  ],
  [
    /handshake failure/,
    'the server refused the handshake',
    'It demands a client certificate (sslcert, sslkey), or both sides have no cipher in common.',
  ],
  [/no shared cipher|no ciphers|cipher mismatch/, 'both sides have no cipher in common', VERSIONS],
  [/key values mismatch/, 'the key is not that of the certificate', 'sslcert and sslkey must belong together.'],
  [
    /bad decrypt|wrong password|bad password|interrupted or cancelled/,
    'the key is encrypted with another password',
    'Set sslpassword.',
  ],
  [/no start line|bad base64|bad end line|asn1|decoder|unsupported/, 'a certificate or key cannot be read', FILES],
  [
    /key too small|md too weak|ca md too weak/,
    'a certificate is too weak for this OpenSSL',
    'Have a stronger one made.',
  ],
  [/unexpected eof/, 'the server ended the connection', 'Look at the log of the server.'],
]

/** OpenSSL's own text: `0A…:error:0A000086:SSL routines:function:certificate verify failed:file:line:more`. */
const OPENSSL = /(?:\b[0-9A-F]{8,16}:)?\berror:([0-9A-F]{8}):[^:\n]*:[^:\n]*:([^:\n]*)(?::[^\n]*)?\n?/

/** What a text with OpenSSL's in it means; undefined when there is none in it. */
export function tlsTroubleIn(text: string): TlsTrouble | undefined {
  const [, code, reason = ''] = OPENSSL.exec(text) ?? []
  if (code === undefined) return undefined
  const [, says, advice] = REASONS.find(([known]) => known.test(reason.toLowerCase())) ?? []
  return {
    says: `TLS: ${says ?? reason.trim()} (OpenSSL ${code})`,
    advice: advice ?? 'Check that server and DSN agree on TLS: sslmode, sslrootcert, sslcert.',
  }
}

/** The text with a sentence in the place of OpenSSL's. */
export function withTlsWords(text: string): string {
  const trouble = tlsTroubleIn(text)
  return trouble === undefined ? text : text.replace(OPENSSL, () => trouble.says)
}
