import { describe, expect, test } from 'vitest'
import type { TopologyListener } from '../../../src/topology/store.ts'
import { TopologyStore } from '../../../src/topology/store.ts'
import { answered, failed, kindsOf, nothingKnown, REPLICA } from '../../support/topology.ts'

function storeOf(listener: TopologyListener): TopologyStore {
  return new TopologyStore(nothingKnown('a', 'b'), { multiMaster: false }, listener)
}

describe('law 1: the store is the one writer of the snapshot', () => {
  test('replaces it before apply returns, and tells of it in the same turn', () => {
    const told: string[] = []
    const store = storeOf((topology, changes) => {
      expect(store.current).toBe(topology)
      told.push(`${topology.revision}: ${changes.map(({ kind }) => kind).join(' ')}`)
    })
    store.apply(answered('a'))
    expect(kindsOf(store.current).a).toBe('master')
    expect(told).toEqual(['1: host-changed master-changed master-found'])
  })

  test('old evidence replaces nothing and tells nobody', () => {
    let told = 0
    const store = storeOf(() => (told += 1))
    store.apply(answered('a', {}, { probe: 5 }))
    const { current } = store
    store.apply(failed('a', 'down', { probe: 4 }))
    expect(store.current).toBe(current)
    expect(told).toBe(1)
  })

  test('what an effect observes is heard right after, never in the middle of other effects', () => {
    const order: string[] = []
    const store = storeOf((topology) => {
      order.push(`begin ${topology.revision}`)
      if (topology.revision === 1) {
        store.apply(answered('b', REPLICA))
        store.apply(failed('a', 'down', { probe: 2 }))
        expect(store.current).toBe(topology)
      }
      order.push(`end ${topology.revision}`)
    })
    store.apply(answered('a'))
    expect(order).toEqual(['begin 1', 'end 1', 'begin 2', 'end 2', 'begin 3', 'end 3'])
    expect(kindsOf(store.current)).toEqual({ a: 'unreachable', b: 'replica' })
  })

  test('an effect that throws does not stop the next observation', () => {
    let bug = true
    const store = storeOf(() => {
      if (bug) throw new Error('a bug')
    })
    expect(() => store.apply(answered('a'))).toThrow('a bug')
    bug = false
    store.apply(answered('b', REPLICA))
    expect(kindsOf(store.current)).toEqual({ a: 'master', b: 'replica' })
  })
})
