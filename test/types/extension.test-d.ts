/* eslint-disable @typescript-eslint/no-unsafe-call -- misuse has no type, and is what these tests are about */
/* eslint-disable @typescript-eslint/unbound-method -- types are looked at, nothing is called */
import { lookup as dnsLookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { connect } from 'node:net'
import { describe, expectTypeOf, test } from 'vitest'
import { AcquireTimeoutError, BasePoolManager, classifyError, ms } from '../../src/index.ts'
import type {
  BalancerPolicy,
  Candidate,
  Clock,
  Driver,
  HasqlError,
  HostFault,
  HostSpec,
  Lookup,
  Milliseconds,
  NonEmpty,
  ProbeConnection,
} from '../../src/index.ts'

interface MyConnection {
  run(sql: string): Promise<void>
}

interface MyPool {
  readonly size: number
}

declare const driver: Driver<MyConnection, MyPool>

describe('a look-up of the user’s own', () => {
  test('is what Node takes for one', () => {
    expectTypeOf(dnsLookup).toExtend<Lookup>()
    expectTypeOf<LookupFunction>().toExtend<Lookup>()
  })

  test('can be written in one line', () => {
    const mine: Lookup = (_hostname, _options, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }])
    expectTypeOf(new BasePoolManager(driver, 'postgresql://db1', { lookup: mine })).not.toBeAny()
  })
})

describe('a driver of the user’s own', () => {
  test('decides what is leased and what the pools are', () => {
    const db = new BasePoolManager(driver, 'postgresql://db1')
    expectTypeOf(db).toEqualTypeOf<BasePoolManager<MyConnection, MyPool>>()
    expectTypeOf(db.acquire()).resolves.toEqualTypeOf<MyConnection>()
    expectTypeOf(db.pools).toEqualTypeOf<readonly MyPool[]>()
    db.on('release', ({ connection }) => expectTypeOf(connection).toEqualTypeOf<MyConnection>())
  })

  test('can be written with what the package exports', () => {
    const mine: Driver<MyConnection, MyPool> = {
      name: 'mine',
      openPool: (spec, { connectTimeoutMs, lookup }, hooks) => {
        connect({ port: spec.port, host: spec.host, lookup })
        expectTypeOf(spec).toEqualTypeOf<HostSpec>()
        expectTypeOf(connectTimeoutMs).toEqualTypeOf<Milliseconds>()
        return {
          native: { size: 1 },
          capacity: 1,
          idle: 0,
          checkOut: (done) => done(new Error('no'), undefined),
          close: () => {
            hooks.gone({
              native: { run: () => Promise.resolve() },
              isClosed: () => true,
              giveBack: () => undefined,
              interrupt: () => undefined,
              bind: () => undefined,
            })
            return Promise.resolve()
          },
        }
      },
      openProbe: (): ProbeConnection => ({
        isLoggedIn: true,
        query: () => Promise.resolve(['false', null]),
        destroy: () => undefined,
      }),
      classify: classifyError,
    }
    expectTypeOf(mine.classify).returns.toEqualTypeOf<HostFault | undefined>()
  })

  test('must be whole', () => {
    // @ts-expect-error a driver must say what an error means
    const half: Driver<MyConnection, MyPool> = { name: 'x', openPool: driver.openPool, openProbe: driver.openProbe }
    expectTypeOf(half).toBeObject()
    // @ts-expect-error there is no fault of this name
    const fault: HostFault = 'dead'
    expectTypeOf(fault).toBeString()
  })
})

describe('a policy of the user’s own', () => {
  test('sees at least one candidate, and must return one', () => {
    const first: BalancerPolicy = { name: 'first', pick: (candidates) => candidates[0] }
    const least: BalancerPolicy = {
      name: 'least',
      pick: (candidates, { random }) => {
        expectTypeOf(candidates).toEqualTypeOf<NonEmpty<Candidate>>()
        expectTypeOf(random).toEqualTypeOf<() => number>()
        return candidates.reduce((best, each) => (each.leases < best.leases ? each : best))
      },
    }
    new BasePoolManager(driver, 'postgresql://db1', { balancerPolicy: least })
    expectTypeOf(first.pick).returns.toEqualTypeOf<Candidate>()
  })

  test('cannot wait, return nothing, or change a candidate', () => {
    // @ts-expect-error a policy cannot wait
    const slow: BalancerPolicy = { name: 'slow', pick: (candidates) => Promise.resolve(candidates[0]) }
    // @ts-expect-error there may be no second candidate
    const second: BalancerPolicy = { name: 'second', pick: (candidates) => candidates[1] }
    const greedy: BalancerPolicy = {
      name: 'greedy',
      pick: ([candidate]) => {
        // @ts-expect-error the numbers are the pool's
        candidate.leases = 0
        return candidate
      },
    }
    expectTypeOf([slow, second, greedy]).toBeArray()
  })
})

describe('units and errors', () => {
  test('a plain number is no time', () => {
    expectTypeOf(ms(5)).toEqualTypeOf<Milliseconds>()
    expectTypeOf<Milliseconds>().toExtend<number>()
    expectTypeOf<number>().not.toExtend<Milliseconds>()
    expectTypeOf<Clock['nowMs']>().returns.toEqualTypeOf<Milliseconds>()
  })

  test('an error has its evidence', () => {
    const error: unknown = new Error('x')
    if (error instanceof AcquireTimeoutError) {
      expectTypeOf(error.reason).toEqualTypeOf<'no-suitable-host' | 'pool-exhausted' | 'connect-failed'>()
      expectTypeOf(error).toExtend<HasqlError>()
      // @ts-expect-error evidence is read-only
      error.hosts.pop()
    }
  })
})
