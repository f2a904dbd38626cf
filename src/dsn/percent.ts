import { DsnError } from './dsn-error.ts'

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
    if (raw[index] === '%') {
      const runEnd = endOfEscapes(raw, index, end, positionOf)
      decoded += decodeEscapes(raw.slice(index, runEnd), positionOf(index))
      index = runEnd
    } else {
      if (raw[index] === ' ') throw spaceInside(positionOf(index))
      decoded += raw.charAt(index)
      index += 1
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

/** The end of the run of `%XX` that starts at `index`; every escape of it is checked. */
function endOfEscapes(raw: string, index: number, end: number, positionOf: PositionOf): number {
  let at = index
  while (at < end && raw[at] === '%') {
    const digits = raw.slice(at + 1, Math.min(at + 3, end))
    if (!/^[0-9A-Fa-f]{2}$/.test(digits)) {
      const message = 'a percent sign must be followed by two hexadecimal digits; a percent sign itself is %25'
      throw new DsnError('bad-percent-escape', message, { position: positionOf(at) })
    }
    if (digits === '00') {
      throw new DsnError('bad-percent-escape', '%00 is not allowed', { position: positionOf(at) })
    }
    at += 3
  }
  return at
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
