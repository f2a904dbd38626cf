import { DsnError } from './dsn-error.ts'
import type { Parameters } from './parameters.ts'
import { scanKeywordValue } from './scan-keyword-value.ts'
import { scanUri } from './scan-uri.ts'

/** The longest connection string that is read, in bytes of UTF-8. */
export const MAX_DSN_BYTES = 8192

const SCHEMES = ['postgresql://', 'postgres://']

/**
 * Reads one connection string into its parameters, decoded but not yet checked: what libpq's `PQconninfoParse` gives.
 *
 * @throws {DsnError} the text is no connection string, or names a parameter nobody knows.
 */
export function scanDsn(text: string): Parameters {
  refuseTooLong(text)
  const scheme = SCHEMES.find((prefix) => text.startsWith(prefix))
  refuseBadCharacters(text, scheme === undefined)
  if (scheme !== undefined) return scanUri(text, scheme.length)
  refuseOtherSchemes(text)
  return scanKeywordValue(text)
}

function refuseTooLong(text: string): void {
  // The cheap test first: an input of any size is turned away without being looked at.
  if (text.length > MAX_DSN_BYTES || Buffer.byteLength(text) > MAX_DSN_BYTES) {
    throw new DsnError('too-long', `longer than ${MAX_DSN_BYTES} bytes`)
  }
}

const CONTROL = /[^ -~\u0080-\uffff]/
const CONTROL_BUT_BLANKS = /[^ -~\u0080-\uffff\t-\r]/

/** Control characters are refused, but for the white space that may separate keyword/value pairs. */
function refuseBadCharacters(text: string, blanksAreAllowed: boolean): void {
  const position = text.search(blanksAreAllowed ? CONTROL_BUT_BLANKS : CONTROL)
  if (position !== -1) {
    const message = 'a control character, perhaps a line end: remove it, or percent-encode it in a URI'
    throw new DsnError('control-character', message, { position })
  }
  if (!text.isWellFormed()) throw new DsnError('bad-unicode', 'half of a surrogate pair')
}

function refuseOtherSchemes(text: string): void {
  const colon = text.indexOf('://')
  if (colon === -1) return
  const equals = text.indexOf('=')
  if (equals !== -1 && equals < colon) return
  const message = 'a URI must start with postgresql:// or postgres://, in lower case'
  throw new DsnError('unknown-scheme', message, { position: 0 })
}
