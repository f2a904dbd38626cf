import { describe, expect, test } from 'vitest'
import { LossSigns } from '../../../src/manager/loss-signs.ts'
import type { Loss } from '../../../src/manager/loss-signs.ts'
import type { HostDescription } from '../../../src/topology/host-description.ts'
import { coded } from '../../support/scripted/coded.ts'
import { after, answered, failed, hostOf, nothingKnown } from '../../support/topology.ts'

/** A master whose last check was asked and answered at about that time. */
const seenAt = (atMs: number): HostDescription => hostOf(after(nothingKnown('a'), [answered('a', {}, { atMs })]), 'a')
const loss = (atMs: number, given: Partial<Loss> = {}): Loss => ({
  ...{ fault: 'lost', cause: coded('ECONNRESET'), generation: 0, bornAtMs: 0, atMs },
  ...given,
})

describe('losses of sessions', () => {
  test('that began before the first one say nothing, however many they are; one that began later does', () => {
    const signs = new LossSigns()
    const said = [100, 101, 150, 900].map((atMs) => signs.judge(seenAt(50), loss(atMs, { bornAtMs: atMs - 60 })))
    expect(said).toEqual(['lost', 'lost', 'lost', 'down'])
  })

  test('of one that began after another was lost say that nobody is there, until a check was answered that was asked later', () => {
    const signs = new LossSigns()
    expect(signs.judge(seenAt(50), loss(100))).toBe('lost')
    const again = loss(120, { bornAtMs: 110 })
    expect(signs.judge(seenAt(50), again)).toBe('down')
    // It was on its way when the first one was lost.
    expect(signs.judge(seenAt(100), again)).toBe('down')
    expect(signs.judge(seenAt(115), again)).toBe('lost')
    expect(signs.judge(seenAt(115), loss(130, { bornAtMs: 125 }))).toBe('down')
  })

  test('that were of use for a while, or lie far apart, say nothing: a busy host answers no check for long', () => {
    const signs = new LossSigns()
    expect(signs.judge(seenAt(50), loss(10_000))).toBe('lost')
    expect(signs.judge(seenAt(50), loss(14_000, { bornAtMs: 11_000 }))).toBe('lost')
    expect(signs.judge(seenAt(50), loss(70_000, { bornAtMs: 69_900 }))).toBe('lost')
    expect(signs.judge(seenAt(50), loss(70_100, { bornAtMs: 70_050 }))).toBe('down')
  })

  test('that ended no session are none: a statement may fail with the code of one', () => {
    const signs = new LossSigns()
    const failing = (severity: string): Error => Object.assign(coded('08006'), { severity })
    signs.judge(seenAt(50), loss(100))
    expect(signs.judge(seenAt(50), loss(120, { bornAtMs: 110, cause: failing('ERROR') }))).toBe('lost')
    expect(signs.judge(seenAt(50), loss(120, { bornAtMs: 110, cause: failing('FATAL') }))).toBe('down')
    expect(signs.judge(seenAt(50), loss(120, { bornAtMs: 110, cause: coded('EPIPE') }))).toBe('down')
  })

  test('of one host say nothing of another, nor do failures of other kinds', () => {
    const signs = new LossSigns()
    signs.judge(seenAt(50), loss(100))
    const other = hostOf(after(nothingKnown('b'), [answered('b', {}, { atMs: 50 })]), 'b')
    expect(signs.judge(other, loss(120, { bornAtMs: 110 }))).toBe('lost')
    expect(signs.judge(seenAt(50), loss(120, { bornAtMs: 110, fault: 'role-doubted' }))).toBe('role-doubted')
    expect(signs.judge(seenAt(50), loss(120, { bornAtMs: undefined }))).toBe('lost')
  })

  test('of a host that does not answer anyway are told like any', () => {
    const signs = new LossSigns()
    const away = hostOf(after(nothingKnown('a'), [failed('a', 'down', { atMs: 50 })]), 'a')
    expect(signs.judge(away, loss(100))).toBe('lost')
    expect(signs.judge(away, loss(120, { bornAtMs: 110 }))).toBe('down')
  })

  test('told to go twice within a second are those of a server that stops', () => {
    const signs = new LossSigns()
    const told = (atMs: number, generation = 0): Loss => loss(atMs, { cause: coded('57P01'), generation, bornAtMs: -1 })
    expect(signs.judge(seenAt(50), told(100))).toBe('lost')
    expect(signs.judge(seenAt(50), told(1_200))).toBe('lost')
    expect(signs.judge(seenAt(50), told(1_900, 1))).toBe('lost')
    expect(signs.judge(seenAt(50), told(2_800, 1))).toBe('not-ready')
  })
})
