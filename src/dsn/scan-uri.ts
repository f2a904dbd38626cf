import { ParameterCollector } from './collect.ts'
import { indexOfClass } from './find.ts'
import type { Parameters } from './parameters.ts'
import { decodePart } from './percent.ts'
import { scanQuery } from './scan-query.ts'
import { scanUriHosts } from './scan-uri-hosts.ts'
import { misplacedAtSign } from './uri-text.ts'

const USER_INFO_END = /[@/]/g
const USER_END = /[:@]/g
const PATH_END = /[?]/g

/** Scans `postgresql://[user[:password]@][host[:port],…][/database][?name=value&…]`, from the end of its scheme on. */
export function scanUri(text: string, start: number): Parameters {
  const collector = new ParameterCollector()
  const hostsStart = scanUserInfo(text, start, collector)
  const hosts = scanUriHosts(text, hostsStart)
  if (hosts.host !== undefined) collector.add('host', hosts.host)
  if (hosts.port !== undefined) collector.add('port', hosts.port)
  let end = hosts.end
  if (text[end] === '/') end = scanPath(text, end + 1, collector)
  if (text[end] === '?') scanQuery(text, end + 1, collector, hosts.host !== undefined)
  return collector.parameters
}

/** The user part exists if an `@` comes before the first `/`; it ends at the first one. Returns where the hosts start. */
function scanUserInfo(text: string, start: number, collector: ParameterCollector): number {
  const end = indexOfClass(text, USER_INFO_END, start)
  if (text[end] !== '@') return start
  const userEnd = indexOfClass(text, USER_END, start)
  addPart('user', text, start, userEnd, collector)
  if (userEnd < end) addPart('password', text, userEnd + 1, end, collector)
  return end + 1
}

/** Everything up to `?` is the database, slashes included. Returns where it ends. */
function scanPath(text: string, start: number, collector: ParameterCollector): number {
  const end = indexOfClass(text, PATH_END, start)
  const path = text.slice(start, end)
  if (path.includes('@')) throw misplacedAtSign(start + path.indexOf('@'))
  addPart('dbname', text, start, end, collector)
  return end
}

function addPart(name: string, text: string, start: number, end: number, collector: ParameterCollector): void {
  if (start === end) return
  const value = decodePart(text.slice(start, end), (index) => start + index)
  collector.add(name, { value, position: start })
}
