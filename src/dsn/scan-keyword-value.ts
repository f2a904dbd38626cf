import { ParameterCollector } from './collect.ts'
import { DsnError } from './dsn-error.ts'
import { indexOfClass } from './find.ts'
import type { Parameters } from './parameters.ts'

/** Scans libpq's `name = value …`; a value with white space is in single quotes, a backslash takes the next character as it is. */
export function scanKeywordValue(text: string): Parameters {
  const collector = new ParameterCollector()
  let index = skipBlanks(text, 0)
  while (index < text.length) {
    const name = scanName(text, index)
    const valuePosition = skipBlanks(text, name.end + 1)
    const value = text[valuePosition] === "'" ? scanQuoted(text, valuePosition) : scanBare(text, valuePosition)
    collector.addPair({ name: name.text, value: value.text, namePosition: index, valuePosition }, true)
    index = skipBlanks(text, value.end)
  }
  return collector.parameters
}

interface Token {
  readonly text: string
  /** Where the token ends: at the `=` for a name, behind the closing quote for a quoted value. */
  readonly end: number
}

// White space is what C's isspace says: the space and the control characters from tab to carriage return.
const NAME_END = /[= \t-\r]/g
const BARE_STOP = /[\\ \t-\r]/g
const QUOTED_STOP = /['\\]/g
const NOT_BLANK = /[^ \t-\r]/g

function scanName(text: string, start: number): Token {
  const end = indexOfClass(text, NAME_END, start)
  const equals = skipBlanks(text, end)
  if (text[equals] !== '=') {
    const message = 'a name without = after it; a value with spaces must be in single quotes'
    throw new DsnError('missing-equals', message, { position: start })
  }
  return { text: text.slice(start, end), end: equals }
}

function scanBare(text: string, start: number): Token {
  let value = ''
  let from = start
  while (true) {
    const stop = indexOfClass(text, BARE_STOP, from)
    value += text.slice(from, stop)
    if (text[stop] !== '\\') return { text: value, end: stop }
    value += text.charAt(stop + 1)
    from = stop + 2
  }
}

function scanQuoted(text: string, quote: number): Token {
  let value = ''
  let from = quote + 1
  while (true) {
    const stop = indexOfClass(text, QUOTED_STOP, from)
    value += text.slice(from, stop)
    if (text[stop] === "'") return { text: value, end: stop + 1 }
    if (stop + 1 >= text.length) {
      const message = "a value's opening quote has no closing one; a quote inside is written \\'"
      throw new DsnError('unterminated-quote', message, { position: quote })
    }
    value += text.charAt(stop + 1)
    from = stop + 2
  }
}

function skipBlanks(text: string, start: number): number {
  return indexOfClass(text, NOT_BLANK, start)
}
