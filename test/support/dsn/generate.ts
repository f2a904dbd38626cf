import { PARAMETERS } from '../../../src/dsn/parameters.ts'
import type { Dice } from './dice.ts'

/** Makes a connection string: well-formed, or nearly so. */
export function generateDsn(dice: Dice): string {
  const text = dice.chance(65) ? uri(dice) : keywordValue(dice)
  if (dice.below(2000) === 0) return `${text}${'x'.repeat(7900 + dice.below(600))}`
  return dice.chance(35) ? mutated(text, dice) : text
}

const SETTINGS: readonly (readonly [name: string, values: readonly string[]])[] = [
  ['sslmode', ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full', '', 'REQUIRE', 'on']],
  ['sslrootcert', ['system', '', '/none']],
  ['sslnegotiation', ['postgres', 'direct', '', 'x']],
  ['ssl_min_protocol_version', ['', 'TLSv1', 'TLSv1.1', 'tlsv1.2', 'TLSv1.3', 'SSLv3', 'TLSv2']],
  ['ssl_max_protocol_version', ['', 'TLSv1', 'TLSv1.1', 'TLSv1.2', 'tlsv1.3', '1.3']],
  ['target_session_attrs', ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby', '', 'master']],
  ['load_balance_hosts', ['disable', 'random', '', '1']],
  ['sslcertmode', ['allow', 'disable', '', 'x']],
  ['channel_binding', ['prefer', 'disable', '', 'x']],
  ['gssencmode', ['prefer', 'disable', '', 'x']],
]

/** Makes a keyword/value string whose values are right or wrong, to be checked when a connection is begun. */
export function generateSettings(dice: Dice): string {
  const list = (most: number, item: () => string): string =>
    Array.from({ length: dice.below(most + 1) }, item).join(',')
  const pairs = [
    `host='${list(4, () => dice.pick(['127.0.0.1', '127.0.0.2', '::1', '']))}'`,
    some(dice, 40, () => `hostaddr='${list(4, () => dice.pick(['127.0.0.1', '127.0.0.3', '::1', '']))}'`),
    some(dice, 70, () => `port='${dice.chance(20) ? port(dice) : list(4, () => dice.pick(['1', '2', '']))}'`),
  ]
  for (let count = dice.below(4); count > 0; count -= 1) {
    const [key, values] = dice.pick(SETTINGS)
    pairs.push(`${key}='${dice.pick(values)}'`)
  }
  return pairs.join(' ')
}

const PLAIN = [
  'a',
  'db1',
  'App',
  'x_y',
  '10.0.0.1',
  '5432',
  '6',
  'true',
  '1',
  'é',
  '日本',
  '😀',
  '-',
  '.',
  '~',
  '+',
  '*',
  '$',
  '"',
  '!',
]
const ESCAPED = ['%41', '%20', '%2F', '%3a', '%40', '%C3%A9', '%F0%9F%98%80', '%2C', '%0A', '%26', '%3D', '%25', '%5B']
const NASTY = [
  '%',
  '%2',
  '%zz',
  '%00',
  '%ff',
  '%C3',
  '%ED%A0%80',
  ' ',
  '  ',
  '#',
  "'",
  '\\',
  '&',
  '=',
  '@',
  ':',
  '/',
  '?',
  '[',
  ']',
  ',',
  ';',
]
const CONTROL = [
  '\t',
  '\n',
  '\r',
  '\v',
  '\f',
  '\u0001',
  '\u007f',
  '\u0000',
  '\u001f',
  '\ud800',
  '\u00a0',
  '\u0085',
  '\ufeff',
]
const NAMES = [...PARAMETERS.keys()]

function word(dice: Dice, nastiness = 4): string {
  let text = ''
  for (let pieces = 1 + dice.below(3); pieces > 0; pieces -= 1) {
    if (dice.chance(nastiness)) text += dice.pick(NASTY)
    else if (dice.chance(1)) text += dice.pick(CONTROL)
    else text += dice.chance(20) ? dice.pick(ESCAPED) : dice.pick(PLAIN)
  }
  return text
}

const some = (dice: Dice, percent: number, make: () => string): string => (dice.chance(percent) ? make() : '')

function uri(dice: Dice): string {
  const scheme = dice.chance(96)
    ? dice.pick(['postgresql://', 'postgres://'])
    : dice.pick(['POSTGRES://', 'postgresql:/', 'postgresql+x://', ' postgresql://', 'http://', 'postgres:///'])
  const userInfo = some(dice, 50, () => `${some(dice, 90, () => word(dice))}${some(dice, 60, () => `:${word(dice)}`)}@`)
  const hosts = Array.from({ length: 1 + dice.below(4) }, () => host(dice) + some(dice, 40, () => `:${port(dice)}`))
  const path = some(dice, 60, () => `/${some(dice, 85, () => word(dice))}`)
  return scheme + userInfo + some(dice, 85, () => hosts.join(',')) + path + some(dice, 50, () => query(dice))
}

function host(dice: Dice): string {
  if (dice.chance(12)) return dice.pick(['[::1]', '[fe80::1%25eth0]', '[]', '[::1', '[::1]x', '::1', '[a b]'])
  return some(dice, 92, () => word(dice, 2))
}

function port(dice: Dice): string {
  return dice.pick(['5432', '6432', '', '0', '65536', 'x', ' 5432', '54%332', '1 2', '-1', '+5'])
}

function query(dice: Dice): string {
  const separator = (): string => (dice.chance(95) ? '=' : dice.pick(['', '==', ' = ', '=a=']))
  const pairs = Array.from({ length: dice.below(4) }, () => name(dice) + separator() + some(dice, 90, () => word(dice)))
  return `?${pairs.join(dice.chance(95) ? '&' : '&&')}${some(dice, 5, () => '&')}`
}

function name(dice: Dice): string {
  if (dice.chance(8))
    return dice.pick(['ssl', 'requiressl', 'HOST', '__proto__', 'constructor', 'tty', '', 'us%65r', ' port', 'ssl%20'])
  if (dice.chance(10)) return dice.pick(['host', 'hostaddr', 'port', 'user', 'password', 'dbname'])
  return dice.pick(NAMES)
}

function keywordValue(dice: Dice): string {
  const blank = (): string => (dice.chance(85) ? '' : dice.pick([' ', '  ', '\t', '\n', '\r\n', '\v', '\f']))
  const pairs = Array.from({ length: dice.below(5) }, () => name(dice) + blank() + '=' + blank() + value(dice))
  return blank() + pairs.join(dice.chance(92) ? ' ' : dice.pick(['', ' \n ', '\t', ';'])) + blank()
}

function value(dice: Dice): string {
  if (dice.chance(35))
    return `'${word(dice, 10)}${some(dice, 30, () => dice.pick(["\\'", '\\\\', ' ', '\\n', '"']))}${word(dice)}${some(dice, 95, () => "'")}`
  return some(dice, 92, () => word(dice, 5))
}

/** One to three edits of single characters or slices. */
function mutated(text: string, dice: Dice): string {
  let result = text
  for (let edits = 1 + dice.below(3); edits > 0; edits -= 1) {
    const at = dice.below(result.length + 1)
    const end = Math.min(result.length, at + dice.below(4))
    const insert = dice.chance(50) ? dice.pick(dice.chance(85) ? [...NASTY, ...ESCAPED] : CONTROL) : ''
    const tail = dice.chance(10) ? result.slice(0, at) : ''
    result = result.slice(0, at) + insert + result.slice(end) + tail
  }
  return result
}
