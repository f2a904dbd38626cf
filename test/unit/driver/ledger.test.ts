import { describe, expect, test } from 'vitest'
import { Ledger } from '../../../src/driver/ledger.ts'

/** What a client and its server say to each other, in order. */
type Line =
  /** A statement is handed to the driver, and sent. */
  | { readonly send: unknown }
  /** A statement is handed to the driver, and stays in its queue. */
  | { readonly queue: unknown }
  | { readonly tag: string }
  | { readonly error: string }
  | { readonly notice: string }
  | { readonly ready: 'I' | 'T' | 'E' }
  | { readonly begin: true }

/** A ledger without a client. */
function ledgerAfter(lines: readonly Line[], countsWrites = true): Ledger {
  let status: string | null = null
  const ledger = new Ledger(() => status === 'T' || status === 'E')
  if (countsWrites) ledger.wrote()
  for (const line of [{ ready: 'I' } as const, { begin: true } as const, ...lines]) {
    if ('send' in line) {
      if (countsWrites) ledger.wrote()
      ledger.asked(line.send)
    } else if ('queue' in line) ledger.asked(line.queue)
    else if ('tag' in line) ledger.completed(line.tag)
    else if ('error' in line) ledger.refused(line.error)
    else if ('notice' in line) ledger.noticed(line.notice)
    else if ('begin' in line) ledger.begin()
    else {
      ledger.ready(line.ready)
      status = line.ready
    }
  }
  return ledger
}

const begun: readonly Line[] = [{ send: 'begin' }, { tag: 'BEGIN' }, { ready: 'T' }]
const inserted: readonly Line[] = [{ send: 'insert' }, { tag: 'INSERT 0 1' }]

describe('certainly without effect', () => {
  test.each<[string, readonly Line[]]>([
    ['nothing was sent', []],
    ['it never left the queue', [{ queue: 'insert' }]],
    ['a transaction is open', [...begun, ...inserted, { ready: 'T' }]],
    ['a transaction is open, and the next statement unanswered', [...begun, { send: 'insert' }]],
    ['a failed transaction is open', [...begun, { send: 'x' }, { error: '22012' }, { ready: 'E' }]],
    [
      'a transaction was rolled back',
      [...begun, ...inserted, { ready: 'T' }, { send: 'rollback' }, { tag: 'ROLLBACK' }, { ready: 'I' }],
    ],
    ['the server refused it', [{ send: 'x' }, { error: '42P01' }, { ready: 'I' }]],
    ['the server refused it, and has not said that it is ready', [{ send: 'x' }, { error: '23505' }]],
    ['the server refused it for good', [{ send: 'insert' }, { error: '57P01' }]],
    ['the first of a batch was undone by the second', [...inserted, { error: '22012' }, { ready: 'I' }]],
    ['only the session was touched', [{ send: 'set' }, { tag: 'SET' }, { ready: 'I' }]],
    ['a transaction was to begin', [{ send: { text: 'begin' } }]],
    ['a warning came before its answer', [{ send: 'x' }, { notice: '01000' }, { error: '22012' }, { ready: 'I' }]],
    ['another notice came', [...begun, { send: 'insert' }, { notice: '00000' }]],
    ['an earlier lease did something', [...inserted, { ready: 'I' }, { begin: true }]],
    [
      'the second of two is left, and cannot commit',
      [...begun, { send: 'insert' }, { send: 'insert' }, { tag: 'INSERT 0 1' }, { ready: 'T' }],
    ],
  ])('%s', (_what, lines) => expect(ledgerAfter(lines).outcome()).toBe('not-executed'))
})

describe('unknown', () => {
  test.each<[string, readonly Line[]]>([
    ['it took effect', [...inserted, { ready: 'I' }]],
    ['it took effect before a transaction', [...inserted, { ready: 'I' }, ...begun]],
    ['a commit was answered', [...begun, { send: 'commit' }, { tag: 'COMMIT' }]],
    [
      'a commit in a batch was',
      [{ send: 'b' }, { tag: 'BEGIN' }, { tag: 'INSERT 0 1' }, { tag: 'COMMIT' }, { error: '22012' }, { ready: 'I' }],
    ],
    ['it is unanswered', [{ send: 'insert' }]],
    ['its end was told, not yet its commit', [...inserted]],
    ['a commit is unanswered', [...begun, { send: 'commit' }]],
    ['its text cannot be known', [...begun, { send: { name: 'prepared before' } }]],
    ['its text is no text', [...begun, { send: { text: 5 } }]],
    ['several were sent', [...begun, { send: 'insert' }, { send: 'insert' }]],
    [
      'the answered one hid a commit behind it',
      [...begun, { send: 'insert' }, { send: 'commit' }, { tag: 'INSERT 0 1' }, { ready: 'T' }],
    ],
    ['a pooler lost its server', [{ send: 'insert' }, { error: '08P01' }]],
    ['another process crashed', [{ send: 'insert' }, { error: '57P02' }]],
    ['the server is going, and says so', [...begun, { send: 'insert' }, { notice: '57P01' }]],
    ['a commit did not reach its replica', [...begun, { send: 'insert' }, { notice: '01000' }]],
    ['the session ended right after its end', [...inserted, { error: '57P01' }]],
    ['an earlier holder left it unanswered', [{ send: 'insert' }, { begin: true }]],
    ['it was prepared for two phases', [...begun, { send: 'x' }, { tag: 'PREPARE TRANSACTION' }, { ready: 'I' }]],
  ])('%s', (_what, lines) => expect(ledgerAfter(lines).outcome()).toBe('unknown'))

  test('when nobody counts what is sent', () => {
    expect(ledgerAfter([{ queue: 'insert' }], false).outcome()).toBe('unknown')
    expect(ledgerAfter([], false).outcome()).toBe('not-executed')
  })
})
