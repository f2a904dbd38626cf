import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DurationHistogram } from '../../../src/metrics/duration-histogram.ts'

function histogramOf(durationsMs: readonly number[]): DurationHistogram {
  const histogram = new DurationHistogram()
  for (const each of durationsMs) histogram.record(each)
  return histogram
}

describe('a histogram of durations', () => {
  test('is all zero before the first', () => {
    const { buckets, ...rest } = new DurationHistogram().copy()
    expect(rest).toEqual({ count: 0, sumMs: 0, maxMs: 0, p50Ms: 0, p90Ms: 0, p99Ms: 0 })
    expect(buckets.map(({ count }) => count)).toEqual(buckets.map(() => 0))
  })

  test('has the buckets of OpenTelemetry for durations of databases among its own', () => {
    const bounds = new DurationHistogram().copy().buckets.map(({ upToMs }) => upToMs / 1_000)
    expect(bounds).toEqual(expect.arrayContaining([0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]))
    expect(bounds).toEqual([...bounds].sort((one, other) => one - other))
  })

  test('counts, sums, and knows percentiles to 7 % or 5 microseconds', () => {
    const durationMs = fc.oneof(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 100_000, noNaN: true }),
      fc.constantFrom(0, 0.1, 1, 10_000),
    )
    fc.assert(
      fc.property(fc.array(durationMs, { minLength: 1, maxLength: 200 }), (durationsMs) => {
        const copy = histogramOf(durationsMs).copy()
        const sorted = [...durationsMs].sort((one, other) => one - other)
        expect(copy.count).toBe(durationsMs.length)
        expect(copy.sumMs).toBeCloseTo(durationsMs.reduce((sum, each) => sum + each, 0))
        expect(copy.maxMs).toBe(sorted.at(-1))
        for (const { upToMs, count } of copy.buckets)
          expect(count, `up to ${upToMs} ms`).toBe(durationsMs.filter((each) => each <= upToMs).length)
        for (const [percent, found] of [
          [50, copy.p50Ms],
          [90, copy.p90Ms],
          [99, copy.p99Ms],
        ] as const) {
          const exact = sorted[Math.max(1, Math.ceil((percent / 100) * sorted.length)) - 1] ?? NaN
          if (exact > 10_000) expect(found).toBe(copy.maxMs)
          else expect(Math.abs(found - exact), `${percent} %`).toBeLessThanOrEqual(Math.max(exact * 0.07, 0.005))
        }
      }),
    )
  })

  test('takes what no clock should say, and what lasts for days', () => {
    const copy = histogramOf([-1, 200_000_000]).copy()
    expect([copy.count, copy.maxMs, copy.p99Ms]).toEqual([2, 200_000_000, 200_000_000])
    expect(copy.buckets[0]).toEqual({ upToMs: 0.1, count: 1 })
  })

  test('gives out frozen copies, the same one until something is recorded', () => {
    const histogram = histogramOf([1, 2])
    const before = histogram.copy()
    expect(histogram.copy()).toBe(before)
    histogram.record(3)
    expect([before.count, histogram.copy().count]).toEqual([2, 3])
    expect([Object.isFrozen(before), Object.isFrozen(before.buckets)]).toEqual([true, true])
  })
})
