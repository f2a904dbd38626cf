import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import type { Expirable } from '../../../src/time/expiry-queue.ts'
import { ExpiryQueue, LATE_TIMER_MS } from '../../../src/time/expiry-queue.ts'
import type { Milliseconds } from '../../../src/time/milliseconds.ts'
import { ms } from '../../../src/time/milliseconds.ts'
import { FakeClock } from '../../support/fake-clock.ts'

class Entry implements Expirable {
  readonly expiresAtMs: Milliseconds
  earlier: Expirable | undefined
  later: Expirable | undefined
  readonly #onExpire: () => void

  constructor(expiresAtMs: number, onExpire: () => void) {
    this.expiresAtMs = ms(expiresAtMs)
    this.#onExpire = onExpire
  }

  expire(): void {
    this.#onExpire()
  }
}

function setUp(hold: 'process' | 'nothing' = 'nothing') {
  const clock = new FakeClock(1_000)
  const queue = new ExpiryQueue(clock, hold)
  const expired: string[] = []
  const add = (name: string, inMs: number, onExpire?: () => void): Entry => {
    const entry = new Entry(clock.nowMs() + inMs, () => {
      expired.push(`${name}@${clock.nowMs() - 1_000}`)
      onExpire?.()
    })
    queue.add(entry)
    return entry
  }
  return { clock, queue, expired, add }
}

describe('an expiry queue', () => {
  test('expires each entry at its own time, whatever the order of arrival', async () => {
    const { clock, expired, add } = setUp()
    add('b', 20)
    add('a', 10)
    add('d', 40)
    add('c', 30)
    await clock.advance(100)
    expect(expired).toEqual(['a@10', 'b@20', 'c@30', 'd@40'])
  })

  test('expires entries of the same time in order of arrival', async () => {
    const { clock, expired, add } = setUp()
    add('first', 10)
    add('second', 10)
    add('early', 5)
    add('third', 10)
    await clock.advance(10)
    expect(expired).toEqual(['early@5', 'first@10', 'second@10', 'third@10'])
  })

  test('needs one timer for any number of entries', () => {
    const { clock, add } = setUp()
    for (let index = 0; index < 100; index += 1) add(String(index), 50 + index)
    expect(clock.openTimers).toBe(1)
  })

  test('takes entries out from the front, the middle and the back', async () => {
    const { clock, queue, expired, add } = setUp()
    const [a, , c, , e] = ['a', 'b', 'c', 'd', 'e'].map((name, index) => add(name, 10 + index))
    for (const entry of [c, a, e]) if (entry !== undefined) queue.remove(entry)
    await clock.advance(100)
    expect(expired).toEqual(['b@11', 'd@13'])
  })

  test('leaves its timer running when the entry is removed, and then expires nobody too early', async () => {
    const { clock, queue, expired, add } = setUp()
    queue.remove(add('gone', 10))
    expect(clock.openTimers).toBe(1)
    add('later', 30)
    expect(clock.openTimers).toBe(1)
    await clock.advance(29)
    expect(expired).toEqual([])
    expect(clock.openTimers).toBe(1)
    await clock.advance(1)
    expect(expired).toEqual(['later@30'])
    expect(clock.openTimers).toBe(0)
  })

  test('an entry that expires at this very moment is due; one a moment later is not', async () => {
    const { clock, expired, add } = setUp()
    add('now', 10)
    add('next', 10.001)
    await clock.advance(10)
    expect(expired).toEqual(['now@10'])
  })

  test('an entry whose time has passed already expires on the next turn, not during add', async () => {
    const { clock, expired, add } = setUp()
    add('past', -5)
    expect(expired).toEqual([])
    await clock.advance(0)
    expect(expired).toEqual(['past@0'])
  })

  test('an entry may add another one, or remove one that is due, while it expires', async () => {
    const { clock, queue, expired, add } = setUp()
    const doomed: Entry[] = []
    add('a', 10, () => {
      for (const entry of doomed) queue.remove(entry)
      add('child', 5)
    })
    doomed.push(add('doomed', 10))
    add('c', 10)
    await clock.advance(20)
    expect(expired).toEqual(['a@10', 'c@10', 'child@15'])
    expect(clock.openTimers).toBe(0)
  })

  test('law 13: a timer that fires late lets pending I/O be read before anything expires', async () => {
    const { clock, queue, expired, add } = setUp()
    const answered = add('answered', 10)
    add('silent', 10)
    clock.arrive(() => queue.remove(answered))
    await clock.stall(10 + LATE_TIMER_MS + 1)
    expect(expired).toEqual(['silent@61'])
  })

  test('a timer that is late by no more than the tolerance expires its entry at once', async () => {
    const { clock, queue, expired, add } = setUp()
    const answered = add('answered', 10)
    clock.arrive(() => {
      if (expired.length === 0) queue.remove(answered)
    })
    await clock.stall(10 + LATE_TIMER_MS)
    expect(expired).toEqual(['answered@60'])
  })

  test('an entry that arrives during a late timer has a timer of its own', async () => {
    const { clock, expired, add } = setUp()
    add('late', 10)
    clock.arrive(() => add('new', 5))
    await clock.stall(100)
    expect(expired).toEqual(['late@100'])
    await clock.advance(5)
    expect(expired).toEqual(['late@100', 'new@105'])
  })

  test('closing stops the timer; a queue can be used again afterwards', async () => {
    const { clock, queue, expired, add } = setUp()
    queue.remove(add('gone', 10))
    queue.close()
    expect(clock.openTimers).toBe(0)
    queue.close()
    add('after', 20)
    await clock.advance(20)
    expect(expired).toEqual(['after@20'])
  })

  test.each(['process', 'nothing'] as const)('its timer holds %s', (hold) => {
    const { clock, add } = setUp(hold)
    add('a', 10)
    expect(clock.holdingTimers).toBe(hold === 'process' ? 1 : 0)
  })

  test('agrees with a sorted list on any sequence of adding and removing', async () => {
    const step = fc.record({ inMs: fc.integer({ min: 1, max: 30 }), removes: fc.boolean(), waitMs: fc.nat(8) })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const { clock, queue, expired, add } = setUp()
        const wanted: string[] = []
        for (const [index, { inMs, removes, waitMs }] of steps.entries()) {
          const entry = add(String(index), inMs)
          if (removes) queue.remove(entry)
          else wanted.push(`${index}@${clock.nowMs() - 1_000 + inMs}`)
          await clock.advance(waitMs)
        }
        await clock.advance(100)
        const time = (text: string): number => Number(text.split('@')[1])
        expect(expired).toEqual(wanted.toSorted((one, other) => time(one) - time(other)))
        expect(clock.openTimers).toBe(0)
      }),
      { numRuns: 100, seed: 11 },
    )
  })
})
