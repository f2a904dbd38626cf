/** A moment in the life of a cluster: everything up to a position of its write-ahead log, on one timeline. */
export interface WriteToken {
  /** `pg_control_system().system_identifier`. */
  readonly systemId: string
  readonly timeline: number
  readonly lsn: bigint
}

const SHAPE = /^1\.([0-9a-z]{1,13})\.([0-9a-z]{1,7})\.([0-9a-z]{1,13})$/
const BASE = 36
const HIGHEST_TIMELINE = 0xffff_ffff
const HIGHEST_64_BITS = 0xffff_ffff_ffff_ffffn

/**
 * The token as one short string of small letters, digits and dots, fit for a URL, a cookie or a header:
 * `1.1j8vx7hkxqz2c.2.3p9q1c`. The first number is the version of the form.
 */
export function formatToken({ systemId, timeline, lsn }: WriteToken): string {
  // PostgreSQL prints the identifier as a signed number.
  const id = BigInt.asUintN(64, BigInt(systemId))
  return `1.${id.toString(BASE)}.${timeline.toString(BASE)}.${lsn.toString(BASE)}`
}

/** The token of a string that `formatToken` made; undefined for any other. */
export function parseToken(text: string): WriteToken | undefined {
  const [, id = '', timeline = '', lsn = ''] = SHAPE.exec(text) ?? []
  if (id === '') return undefined
  const [systemId, position] = [bigOf(id), bigOf(lsn)]
  if (systemId > HIGHEST_64_BITS || position > HIGHEST_64_BITS) return undefined
  const token = {
    systemId: String(BigInt.asIntN(64, systemId)),
    timeline: Number.parseInt(timeline, BASE),
    lsn: position,
  }
  const isInRange = token.timeline >= 1 && token.timeline <= HIGHEST_TIMELINE
  // Only one string stands for one token.
  return isInRange && formatToken(token) === text ? Object.freeze(token) : undefined
}

function bigOf(digits: string): bigint {
  let value = 0n
  for (const digit of digits) value = value * BigInt(BASE) + BigInt(Number.parseInt(digit, BASE))
  return value
}
