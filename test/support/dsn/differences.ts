import type { Libpq } from './libpq.ts'

/** What we refuse on purpose although libpq's scanner takes it; the words are ours for `DsnError.reason`. */
export type Difference = 'too-long' | 'control-character' | 'bad-unicode' | 'misplaced-at-sign' | 'host-given-twice'

/** The differences a string that libpq accepts falls under, worked out without our own scanner. */
export function differencesFor(text: string, libpq: Libpq): readonly Difference[] {
  const uri = splitUri(text)
  const found: Difference[] = []
  if (Buffer.byteLength(text) > 8192) found.push('too-long')
  if (hasControlCharacter(text, uri !== undefined)) found.push('control-character')
  if (!text.isWellFormed() || (uri !== undefined && hasBadUtf8(text))) found.push('bad-unicode')
  if (uri !== undefined && (uri.authority + uri.path).includes('@')) found.push('misplaced-at-sign')
  if (uri !== undefined && givesHostTwice(uri, libpq)) found.push('host-given-twice')
  return found
}

interface UriParts {
  readonly authority: string
  readonly path: string
  readonly query: string
}

/** The parts of a URI, by one regular expression; only right for URIs that libpq accepts. */
function splitUri(text: string): UriParts | undefined {
  if (!/^postgres(?:ql)?:\/\//.test(text)) return undefined
  const host = String.raw`(?:\[[^\]]+\]|[^[:/?,][^:/?,]*)?`
  const authority = String.raw`${host}(?::[^/?,]*)?(?:,${host}(?::[^/?,]*)?)*`
  const pattern = new RegExp(String.raw`^postgres(?:ql)?://(?:[^@/]*@)?(${authority})(/[^?]*)?(?:\?(.*))?$`, 's')
  const match = pattern.exec(text)
  return match === null ? undefined : { authority: match[1] ?? '', path: match[2] ?? '', query: match[3] ?? '' }
}

function hasControlCharacter(text: string, isUri: boolean): boolean {
  return Buffer.from(text).some((byte) => (byte < 32 || byte === 127) && (isUri || byte < 9 || byte > 13))
}

function hasBadUtf8(text: string): boolean {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  return [...text.matchAll(/(?:%[0-9A-Fa-f]{2})+/g)].some(([escapes]) => {
    try {
      decoder.decode(Buffer.from(escapes.replaceAll('%', ''), 'hex'))
      return false
    } catch {
      return true
    }
  })
}

/** Asks libpq about the part before the query and about the query alone. */
function givesHostTwice({ authority, query }: UriParts, libpq: Libpq): boolean {
  if (libpq.parse(`postgresql://@${authority}`)?.has('host') !== true) return false
  const inQuery = libpq.parse(`postgresql:///?${query}`)
  return inQuery?.has('host') === true || inQuery?.has('hostaddr') === true
}
