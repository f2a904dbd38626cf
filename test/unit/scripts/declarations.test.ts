import { expect, test } from 'vitest'
import { summarised } from '../../../scripts/build/declarations.ts'

test('of a comment the summary, the lists and the tags stay, each paragraph in one line', () => {
  const declarations = [
    '/**',
    ' * Leases a connection',
    ' * of a host:',
    ' *',
    ' * - `master`: takes',
    ' *   writes.',
    ' * - `replica`: takes reads.',
    ' *',
    ' * ```ts',
    ' * await db.acquire()',
    ' *',
    ' * - 1',
    ' * ```',
    ' * More than the summary says.',
    ' *',
    ' * @param options - what to wait',
    ' * for.',
    ' * @throws {Error} never.',
    ' */',
    'declare function acquire(options: object): void',
  ].join('\n')
  expect(summarised(declarations)).toBe(
    [
      '/**',
      ' * Leases a connection of a host:',
      ' * - `master`: takes writes.',
      ' * - `replica`: takes reads.',
      ' * @param options - what to wait for.',
      ' * @throws {Error} never.',
      ' */',
      'declare function acquire(options: object): void',
    ].join('\n'),
  )
})

test('a comment of which one line is left takes one line, where it stood', () => {
  const declarations =
    'interface A {\n\t/**\n\t * Short,\n\t * after all.\n\t *\n\t * ```ts\n\t * a.b\n\t * ```\n\t */\n\tb: 1\n}'
  expect(summarised(declarations)).toBe('interface A {\n\t/** Short, after all. */\n\tb: 1\n}')
})

test.each(['/** One line. */\ntype A = 1', 'type A = "/**"\ntype B = "*/"', ''])(
  '%j is left as it is',
  (declarations) => {
    expect(summarised(declarations)).toBe(declarations)
  },
)
