import { indexOfClass } from './find.ts'

const MASK = '***'

/** Names whose value is a secret, in a connection string, an environment dump, or JSON. */
const SECRET_NAMES =
  'password|sslpassword|passfile|passwd|pwd|pgpassword|pgpassfile|oauth_client_secret|scram_client_key|scram_server_key'

/** `name=value`, `name: value`, `"name": "value"`; a value is quoted or runs to white space. */
const SECRET_PAIR = new RegExp(
  `\\b(${SECRET_NAMES})(\\\\{0,2}["']?[ \\t]{0,8}[=:][ \\t]{0,8})('(?:[^'\\\\]|\\\\.)*'?|"(?:[^"\\\\]|\\\\.)*"?|(?:[^\\s\\\\]|\\\\.)+)`,
  'gis',
)

/** How far a URI may be followed past a space: as far as a connection string may be long. */
const MAX_REACH = 8192

const SCHEME = /postgres(?:ql)?:\/\//gi

/**
 * Masks what looks like a password in a text from elsewhere: a driver's message, a log line.
 *
 * ```ts
 * redact('cannot reach postgresql://app:secret@db1/shop') // 'cannot reach postgresql://app:***@db1/shop'
 * ```
 * It rather masks too much than too little: a user part that may be mistyped goes up to the last `@` in reach.
 */
export function redact(text: string): string {
  return redactUris(text).replaceAll(SECRET_PAIR, (_match, name: string, separator: string) => {
    return `${name}${separator}${MASK}`
  })
}

function redactUris(text: string): string {
  let redacted = ''
  let done = 0
  for (const match of text.matchAll(SCHEME)) {
    const start = match.index + match[0].length
    if (start < done) continue
    const end = endOfUri(text, start)
    redacted += text.slice(done, start) + redactUserInfo(text.slice(start, end))
    done = end
  }
  return redacted + text.slice(done)
}

/** A URI ends at white space or a quote; one with no `@` may hold a raw space, and then goes on to the line's last `@`. */
function endOfUri(text: string, start: number): number {
  const end = indexOfClass(text, /[\s"'`<>]/g, start)
  if (text.slice(start, end).includes('@')) return end
  const reach = text.slice(start, start + MAX_REACH)
  const reachEnd = reach.search(/[\r\n]|postgres(?:ql)?:\/\//i)
  const at = (reachEnd === -1 ? reach : reach.slice(0, reachEnd)).lastIndexOf('@')
  return at === -1 ? end : indexOfClass(text, /[\s"'`<>]/g, start + at)
}

/** Keeps the user, masks from its colon to the last `@`; without an `@`, masks ports that are no numbers. */
function redactUserInfo(uri: string): string {
  const at = uri.lastIndexOf('@')
  if (at === -1) return uri.replaceAll(/:(?![0-9]{0,5}(?:[,/?]|$))[^,/?]*/g, `:${MASK}`)
  const colon = uri.indexOf(':')
  if (colon === -1 || colon > at) return uri
  return `${uri.slice(0, colon)}:${MASK}${uri.slice(at)}`
}
