import { describe, expect, test } from 'vitest'
import type { TargetSessionAttrs } from '../../../src/dsn/settings.ts'
import { AcquirePlanner } from '../../../src/manager/acquire-options.ts'
import type { ManagerOptions } from '../../../src/manager/options.ts'
import { resolveOptions } from '../../../src/manager/options.ts'
import { untyped } from '../../support/untyped.ts'

function planner(attributes?: TargetSessionAttrs, options: ManagerOptions = {}): AcquirePlanner {
  return new AcquirePlanner(resolveOptions(options, { connectTimeoutMs: undefined }), attributes)
}

const MASTER = { role: 'master', fallbackMaster: false, masterShare: 0 }
const REPLICA = { role: 'replica', fallbackMaster: false, masterShare: 0 }

describe('a bare acquire means what target_session_attrs says', () => {
  test.each([
    [undefined, MASTER],
    ['read-write', MASTER],
    ['primary', MASTER],
    ['read-only', REPLICA],
    ['standby', REPLICA],
    ['prefer-standby', { ...REPLICA, fallbackMaster: true }],
    ['any', { ...MASTER, role: 'any' }],
  ] as const)('%s: %j', (attributes, target) => {
    expect(planner(attributes).bare.target).toEqual(target)
    expect(planner(attributes).plan({ timeoutMs: 7 })).toMatchObject({ target, timeoutMs: 7 })
  })

  test('readOnly overrides it', () => {
    expect(planner('standby').plan({ readOnly: false }).target).toEqual(MASTER)
    expect(planner('primary').plan({ readOnly: true }).target).toEqual(REPLICA)
  })

  test('the manager’s own options for reads hold for it as well', () => {
    const options = { fallbackMaster: true, masterAsReplicaWeight: 0.3 }
    const target = { role: 'replica', fallbackMaster: true, masterShare: 0.3 }
    expect(planner('standby', options).bare.target).toEqual(target)
    expect(planner('prefer-standby', { masterAsReplicaWeight: 0.3 }).bare.target).toEqual(target)
    expect(planner('primary', options).bare.target).toEqual(MASTER)
  })
})

describe('the options of an acquire', () => {
  test('default to the manager’s', () => {
    const plain = planner(undefined, { acquireTimeoutMs: 77, fallbackMaster: true, masterAsReplicaWeight: 0.2 })
    expect(plain.replica).toEqual({
      target: { role: 'replica', fallbackMaster: true, masterShare: 0.2 },
      timeoutMs: 77,
      signal: undefined,
    })
    expect(plain.master).toEqual({ target: MASTER, timeoutMs: 77, signal: undefined })
  })

  test('override them, each by itself', () => {
    const plain = planner(undefined, { fallbackMaster: true, masterAsReplicaWeight: 0.2 })
    const { signal } = new AbortController()
    expect(plain.planReplica({ fallbackMaster: false }).target).toMatchObject({
      fallbackMaster: false,
      masterShare: 0.2,
    })
    expect(plain.planReplica({ masterAsReplicaWeight: 0 }).target).toMatchObject({
      fallbackMaster: true,
      masterShare: 0,
    })
    expect(plain.planMaster({ signal, timeoutMs: 3 })).toEqual({ target: MASTER, timeoutMs: 3, signal })
  })

  test('for reads make no sense for writes', () => {
    const wanted = 'is for reads: use it with readOnly: true or with acquireReplica'
    expect(() => planner().plan({ masterAsReplicaWeight: 0.5 })).toThrow(`masterAsReplicaWeight ${wanted}`)
    expect(() => planner().plan({ fallbackMaster: true })).toThrow(`fallbackMaster ${wanted}`)
    expect(() => planner('any').plan({ fallbackMaster: true })).toThrow(wanted)
    expect(() => planner().plan({ readOnly: false, masterAsReplicaWeight: 0 })).toThrow(wanted)
    expect(() => planner().planMaster(untyped({ fallbackMaster: false }))).toThrow(wanted)
    expect(planner('standby').plan({ fallbackMaster: true }).target.fallbackMaster).toBe(true)
  })

  test('of freshness are read once, and the plans of those who give none have none', () => {
    const token = `1.${7n.toString(36)}.2.z`
    const { target } = planner().planReplica({ maxLagMs: 500, maxLagBytes: 0, after: token })
    const after = { systemId: '7', timeline: 2, lsn: 35n }
    expect(target.freshness).toEqual({ maxLagMs: 500, maxLagBytes: 0, after })
    expect(planner().planMaster({ after: token }).target).toEqual({ ...MASTER, freshness: { after } })
    expect(planner('any').plan({ maxLagMs: 5 }).target.freshness).toEqual({ maxLagMs: 5 })
    const plain = planner()
    expect(plain.planReplica({ after: undefined, timeoutMs: 1 }).target).toBe(plain.replica.target)
    expect(plain.planReplica({ fallbackMaster: true }).target.freshness).toBeUndefined()
  })

  test('of lag make no sense for writes, nor where there are several masters', () => {
    expect(() => planner().plan({ maxLagMs: 5 })).toThrow('maxLagMs is for reads: the master is never behind')
    expect(() => planner().planMaster(untyped({ maxLagBytes: 5 }))).toThrow('maxLagBytes is for reads')
    const several = planner(undefined, { multiMaster: true })
    expect(() => several.planReplica({ maxLagMs: 5 })).toThrow('maxLagMs makes no sense with multiMaster')
    expect(several.planReplica({ after: '1.1.1.1' }).target.freshness).toEqual({
      maxLagMs: undefined,
      maxLagBytes: undefined,
      after: { systemId: '1', timeline: 1, lsn: 1n },
    })
  })

  test.each([
    [{ readOnly: true, maxLagMs: 0 }, /^maxLagMs must be a number of milliseconds/],
    [{ readOnly: true, maxLagBytes: -1 }, /^maxLagBytes must be a whole number/],
    [{ readOnly: true, maxLagBytes: 0.5 }, /^maxLagBytes must be a whole number/],
    [{ readOnly: true, after: '' }, /^after must be a token of writeToken/],
    [{ readOnly: true, after: 7 }, /^after must be a token of writeToken/],
    [{ after: '0/16B3748' }, /^after must be a token of writeToken/],
    [{ timeout: 5 }, "acquire has no option 'timeout'. Did you mean timeoutMs?"],
    [{ readonly: true }, "acquire has no option 'readonly'. Did you mean readOnly?"],
    [{ readOnly: true, masterAsReplicaWeight: 2 }, /^masterAsReplicaWeight must be a number from 0 to 1/],
    [{ timeoutMs: 0 }, /^timeoutMs must be a number of milliseconds/],
    [{ timeoutMs: Number.NaN }, /^timeoutMs must be a number of milliseconds/],
  ])('%j: %s', (options, message) => {
    expect(() => planner().plan(untyped(options))).toThrow(message)
  })
})
