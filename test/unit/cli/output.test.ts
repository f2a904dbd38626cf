import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { run } from '../../../src/cli/run.ts'
import { shown, shownError } from '../../../src/cli/shown.ts'
import { styleFor } from '../../../src/cli/style.ts'
import { tableLines } from '../../../src/cli/table.ts'
import { wordBytes, wordLsn, wordTime } from '../../../src/cli/words.ts'
import { FakeIo } from '../../support/fake-io.ts'

test.each([
  [0.42, '0.4 ms'],
  [812, '812 ms'],
  [3_240, '3.2 s'],
  [59_960, '1 min 0 s'],
  [245_000, '4 min 5 s'],
  [11_520_000, '3 h 12 min'],
  [705_600_000, '8 d 4 h'],
])('%d ms is %s', (timeMs, words) => {
  expect(wordTime(timeMs)).toBe(words)
})

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_500, '1.5 kB'],
  [12_345_678, '12 MB'],
  [999_999, '1.0 MB'],
])('%d bytes are %s', (bytes, words) => {
  expect(wordBytes(bytes)).toBe(words)
})

test('a position is written as PostgreSQL writes it', () => {
  expect(wordLsn(0x16_b374_d848n)).toBe('16/B374D848')
})

describe('a text from elsewhere', () => {
  test('cannot give the terminal orders', () => {
    expect(shown('a\u001b[2Jb\r\nc\u009bd\u202ee')).toBe('a [2Jb c d e')
  })

  test('shows no password, and an SQLSTATE once', () => {
    expect(shown('at postgresql://app:secret@db1/shop')).toBe('at postgresql://app:***@db1/shop')
    expect(shownError(Object.assign(new Error('no'), { code: '28P01' }))).toBe('no (SQLSTATE 28P01)')
    expect(shownError(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }))).toBe(
      'connect ECONNREFUSED',
    )
  })
})

describe('a table', () => {
  const rows = [{ a: 'one', b: 'middle' }]
  const columns = [
    { title: 'A', of: (row: { a: string }) => row.a },
    { title: 'LESS', of: (row: { b: string }) => row.b, drop: 1 },
  ]

  test('leaves out what does not fit, the least important first', () => {
    expect(tableLines(rows, columns)).toEqual(['A    LESS', 'one  middle'])
    expect(tableLines(rows, columns, 11)).toEqual(['A    LESS', 'one  middle'])
    expect(tableLines(rows, columns, 10)).toEqual(['A', 'one'])
    expect(tableLines(rows, columns, 2)).toEqual(['A', 'o…'])
  })
})

test('there are colours on a terminal only, and not against NO_COLOR', () => {
  const red = (io: FakeIo): string => styleFor(io)('red', 'x')
  expect(red(new FakeIo({}, { columns: 80 }))).toBe('\u001b[31mx\u001b[39m')
  expect(red(new FakeIo({ NO_COLOR: '1' }, { columns: 80 }))).toBe('x')
  expect(red(new FakeIo({ TERM: 'dumb' }, { columns: 80 }))).toBe('x')
  expect(red(new FakeIo())).toBe('x')
})

describe('completions', () => {
  async function script(shell: string): Promise<string> {
    const io = new FakeIo()
    expect(await run(['completion', shell], io)).toBe(0)
    return io.out.text
  }

  test.each(['bash', 'zsh', 'fish'])('%s knows every command and its options', async (shell) => {
    const text = await script(shell)
    const mark = shell === 'fish' ? '-l ' : '--'
    for (const word of ['status', 'watch', 'check', 'wait', `${mark}json`, `${mark}dsn-env`, `${mark}replicas`]) {
      expect(text).toContain(word)
    }
    const checker = spawnSync(shell, ['-n'], { input: text, encoding: 'utf8' })
    if (checker.error === undefined) expect(checker).toMatchObject({ status: 0, stderr: '' })
  })

  const hasBash = spawnSync('bash', ['--version']).error === undefined
  test.skipIf(!hasBash)('bash offers what fits', async () => {
    const complete = (words: string, at: number): string => {
      const ask = `COMP_WORDS=(${words}); COMP_CWORD=${at}; _hasql; echo "\${COMPREPLY[*]}"`
      return spawnSync('bash', ['-c', `${text}\n${ask}`], { encoding: 'utf8' }).stdout.trim()
    }
    const text = await script('bash')
    expect(complete('hasql wa', 1)).toBe('watch wait')
    expect(complete('hasql wait --re', 2)).toBe('--replicas')
    expect(complete('hasql completion f', 2)).toBe('fish')
    expect(complete('hasql status --', 2).split(' ')).toContain('--json')
  })
})
