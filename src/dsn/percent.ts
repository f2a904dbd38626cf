import { DsnError } from './dsn-error.ts'
import { indexOfClass } from './find.ts'

const SPECIAL = /[% ]/g

/** Tells where the character at an index of a piece of text stands in the whole connection string. */
export type PositionOf = (index: number) => number

/**
 * Decodes one part of a URI as libpq 18 does: outer spaces go, inner ones are an error, `+` is itself, `%00` is an
 * error. Escapes must make valid UTF-8, for JavaScript has no way to hold other bytes.
 */
export function decodePart(raw: string, positionOf: PositionOf): string {
  if (!raw.includes('%') && !raw.includes(' ')) return raw
  const [start, end] = withoutOuterSpaces(raw)
  let decoded = ''
  let index = start
  while (index < end) {
    const stop = Math.min(indexOfClass(raw, SPECIAL, index), end)
    decoded += raw.slice(index, stop)
    if (stop < end && raw[stop] === ' ') throw spaceInside(positionOf(stop))
    index = stop
    if (stop < end) {
      const escapes = escapesAt(raw, stop, positionOf)
      decoded += decodeEscapes(escapes, positionOf(stop))
      index += escapes.length
    }
  }
  return decoded
}

function withoutOuterSpaces(raw: string): readonly [number, number] {
  let start = 0
  while (raw[start] === ' ') start += 1
  let end = raw.length
  while (end > start && raw[end - 1] === ' ') end -= 1
  return [start, end]
}

/** The run of `%XX` that starts at `index`. */
function escapesAt(raw: string, index: number, positionOf: PositionOf): string {
  const pattern = /(?:%[0-9A-Fa-f]{2})+/y
  pattern.lastIndex = index
  const escapes = pattern.exec(raw)?.[0]
  if (escapes === undefined) {
    const message = 'a percent sign must be followed by two hexadecimal digits; a percent sign itself is %25'
    throw new DsnError('bad-percent-escape', message, { position: positionOf(index) })
  }
  const zero = escapes.indexOf('%00')
  if (zero === -1) return escapes
  throw new DsnError('bad-percent-escape', '%00 is not allowed', { position: positionOf(index + zero) })
}

function decodeEscapes(escapes: string, position: number): string {
  try {
    return decodeURIComponent(escapes)
  } catch {
    throw new DsnError('bad-unicode', 'percent escapes must make valid UTF-8', { position })
  }
}

function spaceInside(position: number): DsnError {
  return new DsnError('space-in-uri', 'a space inside a URI must be written as %20', { position })
}
