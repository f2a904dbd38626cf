import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'

/** A certificate and its key as PEM text. */
export interface TlsCertificate {
  readonly certificate: string
  readonly key: string
}

const der = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const content = Buffer.concat(parts)
  const size = content.length
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}

const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts)
const oid = (...bytes: readonly number[]): Buffer => der(0x06, Buffer.from(bytes))
const text = (tag: number, value: string): Buffer => der(tag, Buffer.from(value))
const TRUE = Buffer.from([0x01, 0x01, 0xff])

const ECDSA_SHA256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02))
/** commonName = localhost */
const NAME = sequence(der(0x31, sequence(oid(0x55, 0x04, 0x03), text(0x0c, 'localhost'))))
function extensions(): Buffer {
  const names = sequence(text(0x82, 'localhost'), der(0x87, Buffer.from([127, 0, 0, 1])))
  const authority = sequence(oid(0x55, 0x1d, 0x13), TRUE, der(0x04, sequence(TRUE)))
  return der(0xa3, sequence(sequence(oid(0x55, 0x1d, 0x11), der(0x04, names)), authority))
}

const pem = (label: string, bytes: Buffer): string =>
  `-----BEGIN ${label}-----\n${bytes.toString('base64').replaceAll(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`

/**
 * Makes a self-signed certificate for localhost and 127.0.0.1, to be trusted as its own authority. It is valid from 2000 to
 * `until`, by default the end of 2049, so that no clock is wrong.
 */
export function makeTlsCertificate(until = '491231235959Z'): TlsCertificate {
  const validity = sequence(text(0x17, '000101000000Z'), text(0x17, until))
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const serial = randomBytes(8)
  serial.writeUInt8((serial.readUInt8(0) & 0x7f) | 0x40, 0)
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, serial),
    ECDSA_SHA256,
    NAME,
    validity,
    NAME,
    pair.publicKey.export({ type: 'spki', format: 'der' }),
    extensions(),
  )
  const signature = der(0x03, Buffer.from([0]), sign('sha256', body, pair.privateKey))
  return {
    certificate: pem('CERTIFICATE', sequence(body, ECDSA_SHA256, signature)),
    key: String(pair.privateKey.export({ type: 'pkcs8', format: 'pem' })),
  }
}
