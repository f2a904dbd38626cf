import { ParameterCollector } from './collect.ts'
import { DsnError } from './dsn-error.ts'
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

function scanName(text: string, start: number): Token {
  let end = start
  while (end < text.length && text[end] !== '=' && !isBlank(text, end)) end += 1
  const equals = skipBlanks(text, end)
  if (text[equals] !== '=') {
    const message = 'a name without = after it; a value with spaces must be in single quotes'
    throw new DsnError('missing-equals', message, { position: start })
  }
  return { text: text.slice(start, end), end: equals }
}

function scanBare(text: string, start: number): Token {
  let value = ''
  let index = start
  while (index < text.length && !isBlank(text, index)) {
    if (text[index] === '\\') index += 1
    value += text.charAt(index)
    index += 1
  }
  return { text: value, end: index }
}

function scanQuoted(text: string, quote: number): Token {
  let value = ''
  let index = quote + 1
  while (text[index] !== "'") {
    if (text[index] === '\\') index += 1
    if (index >= text.length) {
      const message = "a value's opening quote has no closing one; a quote inside is written \\'"
      throw new DsnError('unterminated-quote', message, { position: quote })
    }
    value += text.charAt(index)
    index += 1
  }
  return { text: value, end: index + 1 }
}

function skipBlanks(text: string, start: number): number {
  let index = start
  while (index < text.length && isBlank(text, index)) index += 1
  return index
}

/** C's `isspace`: the space and the five control characters from tab to carriage return. */
function isBlank(text: string, index: number): boolean {
  const code = text.charCodeAt(index)
  return code === 0x20 || (code >= 0x09 && code <= 0x0d)
}
