import { DsnError } from './dsn-error.ts'
import type { GivenParameter } from './parameters.ts'
import { originOf, parseInteger } from './values.ts'

const DEFAULT_PORT = 5432
const MAX_PORT = 65_535

/**
 * The port of each host. One port is everybody's; else there must be one per host, an empty one meaning 5432.
 * In the authority of a URI, a port behind the last host alone is everybody's too.
 */
export function portsFor(count: number, given: GivenParameter | undefined): readonly number[] {
  if (given === undefined || given.value === '') return filled(count, DEFAULT_PORT)
  const items = given.value.split(',')
  const ports = items.map((item, index) => checkPort(item, index, given))
  const last = ports.at(-1) ?? DEFAULT_PORT
  if (ports.length === 1) return filled(count, last)
  if (ports.length !== count) {
    const message = `${ports.length} ports${originOf('port', given)} for ${count} hosts: give one for all, or one per host`
    throw new DsnError('port-count', message, { position: given.position, parameter: 'port' })
  }
  const onlyLastIsGiven = items.findIndex((item) => item !== '') === items.length - 1
  return given.authorityPositions !== undefined && onlyLastIsGiven ? filled(count, last) : ports
}

function checkPort(item: string, index: number, given: GivenParameter): number {
  if (item === '') return DEFAULT_PORT
  const port = parseInteger(item)
  if (port !== undefined && port >= 1 && port <= MAX_PORT) return port
  // The item is not quoted: a password with a colon or a slash in it ends up here.
  const hint = given.authorityPositions === undefined ? '' : '; a : or / in a password must be written as %3A or %2F'
  const message = `a port${originOf('port', given)} must be a number from 1 to ${MAX_PORT}${hint}`
  const position = given.authorityPositions?.[index] ?? given.position
  throw new DsnError('bad-port', message, { position, parameter: 'port' })
}

function filled(count: number, port: number): readonly number[] {
  return Array.from({ length: count }, () => port)
}
