import { parseDsn } from '../src/dsn/parse.ts'
import { redact } from '../src/dsn/redact.ts'

const BAR_64_HOSTS_US = 100
const BAR_HOSTILE_MS = 5
const MEBIBYTE = 1 << 20

/** Measures reading connection strings, and prints what it takes against the bars. */
export function run(): void {
  const typical = 'postgresql://app:secret@db1,db2,db3:6432/shop?target_session_attrs=primary&sslmode=verify-full'
  const hosts = Array.from({ length: 64 }, (_, index) => `db${index}.cluster.example:${6000 + index}`)
  const uri = `postgresql://app:secret@${hosts.join(',')}/shop?connect_timeout=3`
  const pairs = `host=${hosts.map((host) => host.split(':')[0]).join(',')} port=6432 user=app password='se cret' dbname=shop`
  console.log('Reading connection strings')
  report(
    'three hosts',
    microsecondsFor(() => parseDsn(typical)),
  )
  report(
    '64 hosts, URI',
    microsecondsFor(() => parseDsn(uri)),
    BAR_64_HOSTS_US,
  )
  report(
    '64 hosts, keyword/value',
    microsecondsFor(() => parseDsn(pairs)),
    BAR_64_HOSTS_US,
  )
  console.log('Refusing 1 MiB of malice')
  for (const [name, piece] of HOSTILE) {
    const text = `${name.startsWith('uri') ? 'postgresql://' : ''}${piece.repeat(MEBIBYTE / piece.length)}`
    report(name, typicalMs(() => refusal(text)) * 1000, BAR_HOSTILE_MS * 1000)
  }
  console.log('Refusing 8 KiB of malice, scanned to its end')
  for (const [name, piece] of HOSTILE) {
    const text = `${name.startsWith('uri') ? 'postgresql://' : ''}${piece.repeat(8100 / piece.length)}`
    report(name, typicalMs(() => refusal(text)) * 1000, BAR_HOSTILE_MS * 1000)
  }
}

const HOSTILE: readonly (readonly [name: string, piece: string])[] = [
  ['uri of letters', 'a'],
  ['uri of hosts', 'a,'],
  ['uri of colons', ':'],
  ['uri of at signs', '@'],
  ['uri of brackets', '['],
  ['uri of escapes', '%41'],
  ['uri of spaces', ' '],
  ['uri of pairs', '?user=a&'],
  ['pairs', 'user=a '],
  ['pairs of quotes', "'"],
  ['pairs of backslashes', 'user=\\'],
  ['pairs of spaces', ' '],
]

/** Also keeps the answer of the last call, so that no compiler drops the work. */
let last: unknown

function refusal(text: string): void {
  try {
    last = parseDsn(text)
  } catch (error) {
    last = error
  }
}

/** The median of many short batches, so that a busy machine does not count. */
function microsecondsFor(action: () => unknown): number {
  for (let round = 0; round < 5000; round += 1) last = action()
  const size = 20
  const batches = Array.from({ length: 500 }, () => {
    const start = process.hrtime.bigint()
    for (let round = 0; round < size; round += 1) last = action()
    return Number(process.hrtime.bigint() - start) / 1000 / size
  })
  return batches.sort((a, b) => a - b)[batches.length / 2] ?? 0
}

/** The median of a few runs, the first and slowest of them included. */
function typicalMs(action: () => void): number {
  const runs = Array.from({ length: 15 }, () => {
    const start = process.hrtime.bigint()
    action()
    return Number(process.hrtime.bigint() - start) / 1e6
  })
  return runs.sort((a, b) => a - b)[7] ?? 0
}

function report(name: string, microseconds: number, bar?: number): void {
  const verdict = bar === undefined ? '' : microseconds < bar ? ` (bar ${bar} µs: met)` : ` (bar ${bar} µs: MISSED)`
  console.log(`  ${name.padEnd(26)} ${microseconds.toFixed(1).padStart(9)} µs${verdict}`)
}

if (import.meta.filename === process.argv[1]) {
  run()
  console.log(redact(`last outcome: ${String(last)}`).slice(0, 80))
}
