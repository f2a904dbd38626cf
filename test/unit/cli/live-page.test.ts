import { expect, test } from 'vitest'
import { run } from '../../../src/cli/run.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeIo } from '../../support/fake-io.ts'

/** Where nobody listens: the page needs no server. */
const NOBODY = 'host=127.0.0.1,127.0.0.1 port=1,2 user=app'
const [ENTER, LEAVE] = ['\u001b[?1049h\u001b[?25l\u001b[?7l', '\u001b[?7h\u001b[?25h\u001b[?1049l']

/** What steers a terminal, but for going to the start of the page. */
const CONTROL = /\p{Cc}\[(?!H)[0-9;?]*[A-Za-z]/gu

function lastPage({ out }: FakeIo): readonly string[] {
  const pages = out.text.replaceAll(CONTROL, '').split('\u001b[H')
  return (pages.at(-1) ?? '').split('\r\n')
}

interface Watching {
  readonly io: FakeIo
  readonly ended: Promise<number>
}

async function watching(columns = 80): Promise<Watching> {
  const io = new FakeIo({}, { columns })
  const ended = run(['watch', NOBODY, '--interval', '50ms'], io)
  await eventually(
    'both hosts are seen',
    () => lastPage(io).filter((line) => line.includes('out: is unreachable')).length === 2,
  )
  return { io, ended }
}

test('the page is a head, the hosts, what happened, and how to quit, on as many lines as the terminal has', async () => {
  const { io, ended } = await watching()
  const page = lastPage(io)
  expect(page).toHaveLength(24)
  expect(page[0]).toContain('127.0.0.1')
  expect(page[1]).toMatch(/^no master for .+; no-replica, host-out$/)
  expect(page[3]).toMatch(/^HOST +ROLE /)
  expect(page.filter((line) => / {2}127\.0\.0\.1:[12] {2}unreachable: connect ECONNREFUSED/.test(line))).toHaveLength(2)
  expect(page.at(-1)).toBe('q quits')
  io.keys.emit('data', Buffer.from('q'))
  expect(await ended).toBe(0)
})

test('the terminal is put back, once, however it ends', async () => {
  for (const [end, code] of [
    [(io: FakeIo) => io.keys.emit('data', 'Q'), 0],
    [(io: FakeIo) => io.keys.emit('data', '\u0003'), 130],
    [(io: FakeIo) => io.stop(), 130],
  ] as const) {
    const { io, ended } = await watching()
    expect(io.exitListeners).toBe(1)
    io.keys.emit('data', 'x')
    end(io)
    expect(await ended).toBe(code)
    expect(io.out.text.startsWith(ENTER)).toBe(true)
    expect(io.out.text.endsWith(LEAVE)).toBe(true)
    expect(io.out.text.split(LEAVE)).toHaveLength(2)
    expect(io.keys.modes).toEqual([true, false])
    expect([io.exitListeners, io.out.listenerCount('resize'), io.keys.listenerCount('data')]).toEqual([0, 0, 0])
  }
})

test('a crash puts it back, too', async () => {
  const { io, ended } = await watching()
  io.exit()
  expect(io.out.text.endsWith(LEAVE)).toBe(true)
  expect(io.keys.modes).toEqual([true, false])
  io.stop()
  await ended
})

test('a page that cannot be drawn leaves no trace', async () => {
  const io = new FakeIo({}, { columns: 80 })
  const write = io.out.write.bind(io.out)
  let writes = 0
  io.out.write = (text) => {
    writes += 1
    if (writes === 2) throw new Error('the terminal is gone, password=secret')
    write(text)
  }
  expect(await run(['watch', NOBODY], io)).toBe(1)
  expect(io.out.text).toBe(`${ENTER}${LEAVE}`)
  expect(io.err.text).toBe('hasql: the terminal is gone, password=***\n')
})

test('it is drawn anew when the size of the terminal changes', async () => {
  const { io, ended } = await watching(40)
  expect(Math.max(...lastPage(io).map(({ length }) => length))).toBeLessThanOrEqual(40)
  io.out.columns = 120
  io.out.rows = 4
  io.out.emit('resize')
  await eventually('the page has four lines', () => lastPage(io).length === 4)
  io.stop()
  await ended
})

test('without a keyboard it is watched until a signal', async () => {
  const io = new FakeIo({}, { columns: 80 })
  io.keys.isTTY = false
  const ended = run(['watch', NOBODY], io)
  await eventually('it is drawn', () => lastPage(io).at(-1) === 'q quits')
  io.keys.emit('data', 'q')
  io.stop()
  expect(await ended).toBe(130)
  expect(io.keys.modes).toEqual([])
  expect(io.out.text.endsWith(LEAVE)).toBe(true)
})
