import { describe, expect, test } from 'vitest'
import { shown, shownError } from '../../../src/cli/shown.ts'
import { tlsTroubleIn } from '../../../src/cli/tls-words.ts'

const openssl = (code: string, reason: string): string =>
  `C0D7B0E4A77F0000:error:${code}:SSL routines:ssl3_read_bytes:${reason}:../deps/openssl/openssl/ssl/record/rec_layer_s3.c:1605:SSL alert number 48\n`

describe('what OpenSSL says becomes a sentence, and its code stays', () => {
  test.each([
    [
      '0A000086',
      'certificate verify failed',
      'TLS: the certificate was not accepted (OpenSSL 0A000086)',
      'sslrootcert',
    ],
    [
      '0A000418',
      'tlsv1 alert unknown ca',
      'TLS: the server does not know the authority of the client certificate (OpenSSL 0A000418)',
      'ssl_ca_file',
    ],
    [
      '0A00045C',
      'tlsv13 alert certificate required',
      'TLS: the server demands a client certificate (OpenSSL 0A00045C)',
      'sslcert',
    ],
    ['0A00010B', 'wrong version number', 'TLS: what answers does not speak TLS (OpenSSL 0A00010B)', 'port'],
    [
      '0A00042E',
      'tlsv1 alert protocol version',
      'TLS: both sides have no version of TLS in common (OpenSSL 0A00042E)',
      'ssl_min_protocol_version',
    ],
    ['05800074', 'key values mismatch', 'TLS: the key is not that of the certificate (OpenSSL 05800074)', 'sslkey'],
    ['0480006C', 'no start line', 'TLS: a certificate or key cannot be read (OpenSSL 0480006C)', 'sslrootcert'],
    ['0A0000FF', 'something new', 'TLS: something new (OpenSSL 0A0000FF)', 'sslmode'],
  ])('%s %s', (code, reason, says, advice) => {
    const text = openssl(code, reason)
    expect(shown(text)).toBe(says)
    expect(shownError(new Error(`db1: ${text}`))).toBe(`db1: ${says}`)
    expect(tlsTroubleIn(text)?.advice).toContain(advice)
    expect(tlsTroubleIn(`error:${code}:SSL routines::${reason}`)?.says).toBe(says)
  })

  test('what is not OpenSSL’s stays as it is', () => {
    expect(tlsTroubleIn('error: it failed')).toBe(undefined)
    expect(shown('connect ECONNREFUSED 127.0.0.1:1')).toBe('connect ECONNREFUSED 127.0.0.1:1')
  })
})
