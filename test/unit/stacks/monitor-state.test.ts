import { describe, expect, test } from 'vitest'
import { isSettled, leaderIn } from '../../stacks/stacks/monitor-state.ts'
import type { MonitoredNode } from '../../stacks/stacks/monitor-state.ts'

const node = (name: string, reported: string, goal = reported, health = 1): MonitoredNode => ({
  name,
  reported,
  goal,
  health,
})

describe("what pg_auto_failover's monitor says of its nodes", () => {
  test('a primary and a secondary in the states that they are to be in are settled', () => {
    const nodes = [node('n1', 'primary'), node('n2', 'secondary')]
    expect(isSettled(nodes)).toBe(true)
    expect(leaderIn(nodes)).toBe('n1')
  })

  test('a primary that waits for its standby leads, and nothing is settled', () => {
    const nodes = [node('n1', 'wait_primary'), node('n2', 'catchingup')]
    expect(leaderIn(nodes)).toBe('n1')
    expect(isSettled(nodes)).toBe(false)
  })

  test('a primary that is told to drain leads no more, and its heir not yet', () => {
    const nodes = [node('n1', 'primary', 'draining'), node('n2', 'secondary', 'prepare_promotion')]
    expect(leaderIn(nodes)).toBeUndefined()
  })

  test('a node that goes on being checked in vain keeps the cluster from being settled', () => {
    expect(isSettled([node('n1', 'primary'), node('n2', 'secondary', 'secondary', 0)])).toBe(false)
    expect(isSettled([node('n1', 'primary'), node('n2', 'secondary', 'secondary', -1)])).toBe(false)
  })

  test('two primaries, or none, are not settled', () => {
    expect(isSettled([node('n1', 'primary'), node('n2', 'primary')])).toBe(false)
    expect(isSettled([node('n1', 'secondary'), node('n2', 'secondary')])).toBe(false)
    expect(leaderIn([])).toBeUndefined()
  })
})
