import { X509Certificate, sign } from 'node:crypto'

const der = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const content = Buffer.concat(parts)
  const size = content.length
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}
const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts)
const ECDSA_SHA256 = sequence(der(0x06, Buffer.from([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02])))
/** commonName = localhost, as in the certificates of hasql/testing. */
const NAME = sequence(
  der(0x31, sequence(der(0x06, Buffer.from([0x55, 0x04, 0x03])), der(0x0c, Buffer.from('localhost')))),
)
const FROM = der(0x17, Buffer.from('000101000000Z'))
const UNTIL = der(0x17, Buffer.from('491231235959Z'))

/** A revocation list (RFC 5280, 5.1) of a self-signed certificate of hasql/testing, signed by its own key: with it in it, or empty. */
export function makeRevocationList(certificate: string, key: string, isRevoked: boolean): string {
  const serial = der(0x02, Buffer.from(new X509Certificate(certificate).serialNumber, 'hex'))
  const revoked = isRevoked ? [sequence(sequence(serial, FROM))] : []
  const list = sequence(der(0x02, Buffer.from([1])), ECDSA_SHA256, NAME, FROM, UNTIL, ...revoked)
  const signature = der(0x03, Buffer.from([0]), sign('sha256', list, key))
  const text = sequence(list, ECDSA_SHA256, signature)
    .toString('base64')
    .replaceAll(/.{1,64}/g, '$&\n')
  return `-----BEGIN X509 CRL-----\n${text}-----END X509 CRL-----\n`
}
