import { DsnError } from './dsn-error.ts'
import { indexOfClass } from './find.ts'
import type { GivenParameter } from './parameters.ts'
import { decodePart } from './percent.ts'
import { misplacedAtSign } from './uri-text.ts'

const HOST_END = /[:/?,]/g
const PORT_END = /[/?,]/g

/** The hosts and ports of a URI's authority: two lists that run in step, as libpq keeps them. */
export interface UriHosts {
  readonly host: AuthorityList | undefined
  readonly port: AuthorityList | undefined
  /** Where the authority ends: at `/`, `?` or the end of the text. */
  readonly end: number
}

type AuthorityList = Omit<GivenParameter, 'origin'>

/** A comma list gathered from pieces of the text. */
class RawList {
  readonly #pieces: string[] = []
  readonly #positions: number[] = []

  push(piece: string, position: number): void {
    this.#pieces.push(piece)
    this.#positions.push(position)
  }

  /** The list as a parameter; undefined when there is not even a comma. */
  decode(): AuthorityList | undefined {
    const raw = this.#pieces.join(',')
    if (raw === '') return undefined
    const value = decodePart(raw, (index) => this.#positionOf(index))
    return { value, position: this.#positions[0], authorityPositions: this.#positions }
  }

  #positionOf(index: number): number {
    let offset = index
    for (const [at, piece] of this.#pieces.entries()) {
      const position = this.#positions[at] ?? 0
      if (offset <= piece.length) return position + offset
      offset -= piece.length + 1
    }
    return index
  }
}

/** Scans `host[:port],…` up to `/`, `?` or the end. */
export function scanUriHosts(text: string, start: number): UriHosts {
  const hosts = new RawList()
  const ports = new RawList()
  let index = start
  while (true) {
    const hostEnd = scanHost(text, index, hosts)
    const portEnd = text[hostEnd] === ':' ? indexOfClass(text, PORT_END, hostEnd + 1) : hostEnd
    const portStart = Math.min(hostEnd + 1, portEnd)
    ports.push(text.slice(portStart, portEnd), portStart)
    if (text[portEnd] !== ',') {
      refuseAtSign(text, start, portEnd)
      return { host: hosts.decode(), port: ports.decode(), end: portEnd }
    }
    index = portEnd + 1
  }
}

function scanHost(text: string, start: number, hosts: RawList): number {
  if (text[start] === '[') return scanBracketedHost(text, start, hosts)
  const end = indexOfClass(text, HOST_END, start)
  hosts.push(text.slice(start, end), start)
  return end
}

function scanBracketedHost(text: string, start: number, hosts: RawList): number {
  const close = text.indexOf(']', start)
  if (close === -1) throw badBrackets('a host that starts with [ needs a closing ]', start)
  if (close === start + 1) throw badBrackets('the brackets of an IPv6 host are empty', start)
  const end = close + 1
  if (end < text.length && !':/?,'.includes(text.charAt(end))) {
    throw badBrackets('after the ] of an IPv6 host only a port, a comma, / or ? may follow', end)
  }
  hosts.push(text.slice(start + 1, close), start + 1)
  return end
}

function badBrackets(message: string, position: number): DsnError {
  return new DsnError('bad-ipv6-brackets', message, { position })
}

function refuseAtSign(text: string, start: number, end: number): void {
  const at = text.indexOf('@', start)
  if (at !== -1 && at < end) throw misplacedAtSign(at)
}
