import { describe, expect, test } from 'vitest'
import { run } from '../../../src/cli/run.ts'
import { FakeIo } from '../../support/fake-io.ts'

const CANARY = 'canary-4f:1@b/z'

async function called(args: readonly string[], io = new FakeIo()): Promise<{ code: number; out: string; err: string }> {
  const code = await run(args, io)
  return { code, out: io.out.text, err: io.err.text }
}

describe('help', () => {
  test('every command has a help text, by three ways', async () => {
    const { out } = await called(['--help'])
    for (const name of ['status', 'watch', 'check', 'wait', 'completion', 'help']) {
      expect(out).toContain(`\n  ${name} `)
      const text = await called(['help', name])
      expect(text.out).toMatch(new RegExp(`^hasql ${name}: .+\\.\n\nUsage: hasql ${name} `))
      expect(await called([name, '--help'])).toEqual(text)
      expect(await called([name, '-h'])).toEqual(text)
    }
  })

  test('no text is wider than a terminal', async () => {
    for (const args of [['--help'], ['help', 'status'], ['help', 'check'], ['help', 'watch']]) {
      const { out } = await called(args)
      expect(out.split('\n').filter((line) => line.length > 80)).toEqual([])
    }
  })

  test('without a command it is shown as an error', async () => {
    const { code, out, err } = await called([])
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain('Usage: hasql <command>')
  })

  test('the version is that of the package', async () => {
    expect((await called(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})

describe('what is mistyped is named, with a suggestion', () => {
  test.each([
    [['statsu'], "There is no command 'statsu'. Did you mean status?"],
    [['help', 'wacth'], "There is no command 'wacth'. Did you mean watch?"],
    [['status', '--jsno'], "There is no option '--jsno'. Did you mean --json?"],
    [['status', '--color'], "There is no option '--color'. Options: --json, --dsn-env,"],
    [['wait', 'host=a', '--masters', 'one'], '--masters needs a whole number: --masters 1'],
    [['wait', 'host=a', '--timeout', '30'], '--timeout needs a time with its unit'],
    [['wait', 'host=a', '--timeout', '0s'], '--timeout needs a time with its unit'],
    [['wait', 'host=a', '--timeout', '--quiet'], '--timeout needs a value: --timeout TIME'],
    [['wait', 'host=a', '--masters', '2'], '2 + 0 hosts are to be ready, but the DSN has 1'],
    [['status', '--json=yes'], '--json takes no value'],
    [['status'], 'The DSN is missing'],
    [['status', 'host=a', 'b'], 'One DSN is expected, but there are 2 arguments'],
    [['status', 'host=a', '--dsn-env', 'X'], 'The DSN is given twice'],
    [['status', '--dsn-env', 'NOT_SET'], '--dsn-env NOT_SET: this environment variable is not set'],
    [['completion', 'tcsh'], 'A shell is expected'],
    [['-x'], "There is no option '-x'"],
  ])('%j', async (args, message) => {
    const { code, out, err } = await called(args)
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain(`hasql: ${message}`)
  })

  test('a DSN that cannot be read', async () => {
    const { code, err } = await called(['status', 'postgresql://app@db1/shop?sslmod=require'])
    expect(code).toBe(2)
    expect(err).toContain('unknown parameter "sslmod"')
  })
})

test('a password that stands where none belongs is not repeated', async () => {
  const uri = `postgresql://app:${encodeURIComponent(CANARY)}@127.0.0.1:1/shop`
  const calls = [
    [uri],
    [CANARY],
    ['status', `-W${CANARY}`, uri],
    ['status', `-${CANARY}`],
    ['status', `--password=${CANARY}`],
    ['status', `--pasword=${CANARY}`, uri],
    ['status', `--${CANARY}`],
    ['status', uri, CANARY],
    ['status', '--dsn-env', uri],
    ['status', `--dsn-env=${CANARY}`],
    ['status', `postgresql://app:${CANARY}@127.0.0.1:1/shop`],
    ['status', `host=127.0.0.1 password=${CANARY} ${CANARY}`],
    ['wait', uri, '--timeout', CANARY],
    ['wait', uri, '--masters', CANARY],
    ['completion', CANARY],
    ['help', CANARY],
  ]
  for (const args of calls) {
    const { code, out, err } = await called(args)
    expect(code).toBe(2)
    for (const form of [CANARY, encodeURIComponent(CANARY), 'canary']) expect(`${out}${err}`).not.toContain(form)
  }
})

test('without pg it says what to install', async () => {
  const io = new FakeIo()
  io.loadPg = () =>
    Promise.reject(Object.assign(new Error("Cannot find package 'pg'"), { code: 'ERR_MODULE_NOT_FOUND' }))
  const { code, err } = await called(['status', 'host=127.0.0.1 user=app'], io)
  expect(code).toBe(2)
  expect(err).toContain('needs the package pg, which is not installed: npm install pg')
})
