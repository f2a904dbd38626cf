import { describe, expect, test } from 'vitest'
import type { Waiter } from '../../../src/selection/waiters.ts'
import { Waiters } from '../../../src/selection/waiters.ts'

const told: string[] = []

function waiter(name: string, retry: () => boolean = () => false): Waiter {
  return {
    retry: () => {
      told.push(name)
      return retry()
    },
    closed: () => told.push(`${name} closed`),
  }
}

function heard(): string {
  return told.splice(0).join(', ')
}

describe('those who wait for a host', () => {
  test('look again in order of arrival, until they are done', () => {
    const waiters = new Waiters()
    waiters.add(waiter('a'))
    waiters.add(waiter('b', () => true))
    waiters.add(waiter('c'))
    waiters.retryAll()
    expect(heard()).toBe('a, b, c')
    expect(waiters.size).toBe(2)
    waiters.retryAll()
    expect(heard()).toBe('a, c')
  })

  test('one that comes back during the walk waits for the next topology', () => {
    const waiters = new Waiters()
    const again: Waiter = waiter('again', () => {
      waiters.remove(again)
      waiters.add(again)
      return false
    })
    waiters.add(again)
    waiters.add(waiter('b'))
    waiters.retryAll()
    expect(heard()).toBe('again, b')
    waiters.retryAll()
    expect(heard()).toBe('b, again')
  })

  test('one that is removed during the walk is not asked', () => {
    const waiters = new Waiters()
    const gone = waiter('gone')
    waiters.add(
      waiter('a', () => {
        waiters.remove(gone)
        return false
      }),
    )
    waiters.add(gone)
    waiters.retryAll()
    expect(heard()).toBe('a')
  })

  test('closing tells each of them once, also when one comes back', () => {
    const waiters = new Waiters()
    const back: Waiter = { retry: () => false, closed: () => void told.push('back closed') }
    waiters.add(waiter('a'))
    waiters.add(back)
    waiters.closeAll()
    expect(heard()).toBe('a closed, back closed')
    expect(waiters.size).toBe(0)
    waiters.closeAll()
    expect(heard()).toBe('')
  })
})
