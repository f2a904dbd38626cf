import { describe, expect, test } from 'vitest'
import { SessionLossDetector } from '../../../src/manager/session-loss-detector.ts'
import type { SessionLoss } from '../../../src/manager/session-loss-detector.ts'
import type { HostDescription } from '../../../src/topology/host-description.ts'
import { coded } from '../../support/scripted/coded.ts'
import { after, answered, failed, hostOf, nothingKnown } from '../../support/topology.ts'

/** A master whose last check was asked and answered at about that time. */
const seenAt = (atMs: number): HostDescription => hostOf(after(nothingKnown('a'), [answered('a', {}, { atMs })]), 'a')
const loss = (atMs: number, given: Partial<SessionLoss> = {}): SessionLoss => ({
  ...{ fault: 'lost', cause: coded('ECONNRESET'), generation: 0, createdAtMs: 0, atMs },
  ...given,
})

describe('losses of sessions', () => {
  test('that began before the first one say nothing, however many they are; one that began later does', () => {
    const detector = new SessionLossDetector()
    const said = [100, 101, 150, 900].map((atMs) =>
      detector.classify(seenAt(50), loss(atMs, { createdAtMs: atMs - 60 })),
    )
    expect(said).toEqual(['lost', 'lost', 'lost', 'down'])
  })

  test('of one that began after another was lost say that nobody is there, until a check was answered that was asked later', () => {
    const detector = new SessionLossDetector()
    expect(detector.classify(seenAt(50), loss(100))).toBe('lost')
    const again = loss(120, { createdAtMs: 110 })
    expect(detector.classify(seenAt(50), again)).toBe('down')
    // It was on its way when the first one was lost.
    expect(detector.classify(seenAt(100), again)).toBe('down')
    expect(detector.classify(seenAt(115), again)).toBe('lost')
    expect(detector.classify(seenAt(115), loss(130, { createdAtMs: 125 }))).toBe('down')
  })

  test('that were of use for a while, or lie far apart, say nothing: a busy host answers no check for long', () => {
    const detector = new SessionLossDetector()
    expect(detector.classify(seenAt(50), loss(10_000))).toBe('lost')
    expect(detector.classify(seenAt(50), loss(14_000, { createdAtMs: 11_000 }))).toBe('lost')
    expect(detector.classify(seenAt(50), loss(70_000, { createdAtMs: 69_900 }))).toBe('lost')
    expect(detector.classify(seenAt(50), loss(70_100, { createdAtMs: 70_050 }))).toBe('down')
  })

  test('that ended no session are none: a statement may fail with the code of one', () => {
    const detector = new SessionLossDetector()
    const failing = (severity: string): Error => Object.assign(coded('08006'), { severity })
    detector.classify(seenAt(50), loss(100))
    expect(detector.classify(seenAt(50), loss(120, { createdAtMs: 110, cause: failing('ERROR') }))).toBe('lost')
    expect(detector.classify(seenAt(50), loss(120, { createdAtMs: 110, cause: failing('FATAL') }))).toBe('down')
    expect(detector.classify(seenAt(50), loss(120, { createdAtMs: 110, cause: coded('EPIPE') }))).toBe('down')
  })

  test('of one host say nothing of another, nor do failures of other kinds', () => {
    const detector = new SessionLossDetector()
    detector.classify(seenAt(50), loss(100))
    const other = hostOf(after(nothingKnown('b'), [answered('b', {}, { atMs: 50 })]), 'b')
    expect(detector.classify(other, loss(120, { createdAtMs: 110 }))).toBe('lost')
    expect(detector.classify(seenAt(50), loss(120, { createdAtMs: 110, fault: 'role-doubted' }))).toBe('role-doubted')
    expect(detector.classify(seenAt(50), loss(120, { createdAtMs: undefined }))).toBe('lost')
  })

  test('of a host that does not answer anyway are told like any', () => {
    const detector = new SessionLossDetector()
    const away = hostOf(after(nothingKnown('a'), [failed('a', 'down', { atMs: 50 })]), 'a')
    expect(detector.classify(away, loss(100))).toBe('lost')
    expect(detector.classify(away, loss(120, { createdAtMs: 110 }))).toBe('down')
  })

  test('that the administrator terminates, two within a second, are those of a server that stops', () => {
    const detector = new SessionLossDetector()
    const told = (atMs: number, generation = 0): SessionLoss =>
      loss(atMs, { cause: coded('57P01'), generation, createdAtMs: -1 })
    expect(detector.classify(seenAt(50), told(100))).toBe('lost')
    expect(detector.classify(seenAt(50), told(1_200))).toBe('lost')
    expect(detector.classify(seenAt(50), told(1_900, 1))).toBe('lost')
    expect(detector.classify(seenAt(50), told(2_800, 1))).toBe('not-ready')
  })
})
