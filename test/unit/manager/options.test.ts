import { describe, expect, test } from 'vitest'
import { GreedyBalancerPolicy } from '../../../src/balancer/greedy.ts'
import { RoundRobinBalancerPolicy } from '../../../src/balancer/round-robin.ts'
import { OptionsError } from '../../../src/errors.ts'
import type { ManagerOptions } from '../../../src/manager/options.ts'
import { preferenceFor, resolveOptions } from '../../../src/manager/options.ts'
import { systemLookup } from '../../../src/network/system-lookup.ts'
import { systemRandom } from '../../../src/random/system-random.ts'
import { systemClock } from '../../../src/time/system-clock.ts'
import { rig } from '../../support/scripted/rig.ts'
import { untyped } from '../../support/untyped.ts'

const resolve = (options: ManagerOptions, connectTimeoutMs?: number) => resolveOptions(options, { connectTimeoutMs })

function refusal(options: unknown): OptionsError {
  try {
    resolve(untyped(options))
  } catch (error) {
    if (error instanceof OptionsError) return error
    throw error
  }
  throw new Error('the options are accepted')
}

describe('the options of a manager', () => {
  test('have defaults, and are frozen', () => {
    const options = resolve({})
    expect(options).toMatchObject({
      acquireTimeoutMs: 5_000,
      refreshDelayMs: 1_000,
      refreshTimeoutMs: 1_000,
      connectTimeoutMs: 3_000,
      fallbackMaster: false,
      masterAsReplicaWeight: 0,
      multiMaster: false,
      preferZone: undefined,
      allowExitOnIdle: false,
      lookup: systemLookup,
      clock: systemClock,
      random: systemRandom,
    })
    expect(options.balancerPolicy).toBeInstanceOf(GreedyBalancerPolicy)
    expect([options.hosts.size, Object.isFrozen(options)]).toEqual([0, true])
  })

  test('the connect timeout is the caller’s, else the DSN’s, else 3 s', () => {
    expect(resolve({ connectTimeoutMs: 1 }, 2).connectTimeoutMs).toBe(1)
    expect(resolve({}, 2).connectTimeoutMs).toBe(2)
  })

  test('are what the caller says', () => {
    const balancerPolicy = new RoundRobinBalancerPolicy()
    const random = (): number => 0
    const lookup = (): void => undefined
    const given = {
      fallbackMaster: true,
      multiMaster: true,
      allowExitOnIdle: true,
      preferZone: 'z',
      balancerPolicy,
      lookup,
      random,
    }
    expect(resolve(given)).toMatchObject(given)
  })

  test.each(['acquireTimeoutMs', 'refreshDelayMs', 'refreshTimeoutMs', 'connectTimeoutMs'] as const)('%s', (name) => {
    for (const value of [0.5, 1, 2_147_483_647]) expect(resolve({ [name]: value })[name]).toBe(value)
    for (const value of [0, -1, 2_147_483_648, Infinity, Number.NaN]) {
      expect(refusal({ [name]: value })).toMatchObject({
        code: 'ERR_HASQL_OPTIONS',
        option: name,
        message: `${name} must be a number of milliseconds from 1 to 2147483647, but is ${value}`,
      })
    }
    expect(refusal({ [name]: '5s' }).message).toMatch(/but is a string$/)
  })

  test('the bounds on lag are none, a time, or a number of bytes, and only where there is one master', () => {
    expect(resolve({})).toMatchObject({ maxReplicaLagMs: undefined, maxReplicaLagBytes: undefined })
    expect(resolve({ maxReplicaLagMs: 500, maxReplicaLagBytes: 0 })).toMatchObject({
      maxReplicaLagMs: 500,
      maxReplicaLagBytes: 0,
    })
    expect(refusal({ maxReplicaLagMs: 0 }).message).toMatch(/^maxReplicaLagMs must be a number of milliseconds/)
    expect(refusal({ maxReplicaLagBytes: 1.5 }).message).toMatch(/^maxReplicaLagBytes must be a whole number/)
    for (const bound of ['maxReplicaLagMs', 'maxReplicaLagBytes']) {
      const { option, message } = refusal({ [bound]: 1_000, multiMaster: true })
      expect([option, message]).toEqual([bound, expect.stringMatching(`${bound} makes no sense with multiMaster`)])
    }
  })

  test('masterAsReplicaWeight is a share', () => {
    for (const value of [0, 0.1, 1]) expect(resolve({ masterAsReplicaWeight: value }).masterAsReplicaWeight).toBe(value)
    for (const value of [-0.1, 1.1, Number.NaN]) {
      expect(refusal({ masterAsReplicaWeight: value }).message).toBe(
        `masterAsReplicaWeight must be a number from 0 to 1 (0.1 is every tenth), but is ${value}`,
      )
    }
  })

  test('lookup is a function', () => {
    expect(refusal({ lookup: 'dns' })).toMatchObject({
      option: 'lookup',
      message: "lookup must be a function like Node's dns.lookup: (hostname, options, callback)",
    })
  })

  test.each(['fallbackMaster', 'multiMaster', 'allowExitOnIdle'])('%s is true or false', (name) => {
    expect(refusal({ [name]: 1 })).toMatchObject({ option: name, message: `${name} must be true or false` })
    expect(refusal({ [name]: null }).option).toBe(name)
  })

  test.each([[() => 'pick'], ['greedy'], [{ name: 'mine' }], [{ pick: () => undefined }], [5]])(
    'balancerPolicy %s is none',
    (balancerPolicy) => {
      expect(refusal({ balancerPolicy })).toMatchObject({
        option: 'balancerPolicy',
        message:
          'balancerPolicy must be an object with a name and a pick function, for example new RoundRobinBalancerPolicy()',
      })
    },
  )

  test.each([
    ['acquireTimeout', "PoolManager has no option 'acquireTimeout'. Did you mean acquireTimeoutMs?"],
    ['FallBackMaster', "PoolManager has no option 'FallBackMaster'. Did you mean fallbackMaster?"],
    ['balancerpolicy', "PoolManager has no option 'balancerpolicy'. Did you mean balancerPolicy?"],
    ['hots', "PoolManager has no option 'hots'. Did you mean hosts?"],
    [
      'statementTimeout',
      /^PoolManager has no option 'statementTimeout'\. Known options: acquireTimeoutMs, refreshDelayMs, /,
    ],
  ])('a misspelt %s is refused: %s', (name, message) => {
    expect(() => resolve(untyped({ [name]: 1 }))).toThrow(message)
    expect(refusal({ [name]: 1 }).option).toBe(name)
  })

  test.each([[null], ['x'], [[]], [5]])('%j are no options', (options) => {
    expect(refusal(options).message).toBe('The options of PoolManager must be an object')
  })
})

describe('what is said of single hosts', () => {
  test('has defaults, is frozen, and copied', () => {
    const labels = { dc: 'a' }
    const options = resolve({ hosts: { 'db1:5432': { weight: 0, zone: 'z', labels }, 'db2:5432': {} } })
    labels.dc = 'b'
    expect(preferenceFor(options, 'db1:5432')).toEqual({ weight: 0, zone: 'z', labels: { dc: 'a' } })
    expect(preferenceFor(options, 'db2:5432')).toEqual({ weight: 1, zone: undefined, labels: {} })
    expect(preferenceFor(options, 'db3:5432')).toEqual({ weight: 1, zone: undefined, labels: {} })
    expect(Object.isFrozen(preferenceFor(options, 'db1:5432'))).toBe(true)
  })

  test.each([
    [{ wieght: 1 }, "hosts['db1:5432'] has no option 'wieght'. Did you mean weight?"],
    [{ weight: -1 }, 'The weight of db1:5432 must be a number of at least 0, but is -1'],
    [{ weight: Infinity }, 'The weight of db1:5432 must be a number of at least 0, but is Infinity'],
    [{ weight: '2' }, 'The weight of db1:5432 must be a number of at least 0, but is a string'],
    [null, "The options of hosts['db1:5432'] must be an object"],
  ])('%j: %s', (host, message) => {
    expect(refusal({ hosts: { 'db1:5432': host } }).message).toBe(message)
  })

  test('must be a host of the DSN', () => {
    expect(() => rig({ db1: 'master', db2: 'replica' }, { hosts: { 'db3:5432': {} } })).toThrow(
      "hosts names 'db3:5432', but the DSN has db1:5432, db2:5432",
    )
  })
})

test('law 9: a constructor does no I/O', () => {
  const { db, driver, clock } = rig({ db1: 'master', db2: 'replica' })
  expect(driver.hosts.map(({ probesOpened, connections }) => probesOpened + connections.size)).toEqual([0, 0])
  expect(clock.openTimers).toBe(0)
  expect(db.pools).toHaveLength(2)
})
