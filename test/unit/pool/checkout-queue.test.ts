import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Checkout } from '../../../src/pool/checkout.ts'
import { CheckoutQueue } from '../../../src/pool/checkout.ts'
import { PoolUsage } from '../../../src/pool/pool-usage.ts'

type Named = Checkout<string> & { readonly name: string }

function place(name: string): Named {
  const nothing = (): void => undefined
  const link = { place: undefined, before: undefined, after: undefined }
  return { name, link, declines: () => false, granted: nothing, refused: nothing, displaced: nothing, closed: nothing }
}

describe('a queue of checkouts', () => {
  test('serves first come, first served', () => {
    const queue = new CheckoutQueue<string>(new PoolUsage())
    const [a, b] = [place('a'), place('b')]
    queue.push(a)
    queue.push(b)
    expect([queue.length, queue.shift(), queue.shift(), queue.shift(), queue.length]).toEqual([2, a, b, undefined, 0])
  })

  test('one who left, or stands in another queue, is not taken out again', () => {
    const queue = new CheckoutQueue<string>(new PoolUsage())
    const other = new CheckoutQueue<string>(new PoolUsage())
    const a = place('a')
    queue.push(a)
    other.remove(a)
    queue.remove(a)
    queue.remove(a)
    expect([queue.length, other.length, a.link.place]).toEqual([0, 0, undefined])
  })

  test('takes all out before anybody can come back', () => {
    const queue = new CheckoutQueue<string>(new PoolUsage())
    const all = ['a', 'b', 'c'].map(place)
    for (const each of all) queue.push(each)
    expect(queue.takeAll()).toEqual(all)
    expect(queue.length).toBe(0)
  })

  test('agrees with a list on any sequence of coming, leaving and being served', () => {
    const step = fc.oneof(fc.constant('push'), fc.constant('shift'), fc.nat(9))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const queue = new CheckoutQueue<string>(new PoolUsage())
        const list: Named[] = []
        for (const [index, each] of steps.entries()) {
          if (each === 'push') {
            const next = place(String(index))
            queue.push(next)
            list.push(next)
          } else if (each === 'shift') {
            expect(queue.shift()).toBe(list.shift())
          } else {
            const [leaving] = list.splice(each, 1)
            if (leaving !== undefined) queue.remove(leaving)
          }
          expect(queue.length).toBe(list.length)
        }
        expect(queue.takeAll()).toEqual(list)
      }),
      { numRuns: 300, seed: 3 },
    )
  })
})
