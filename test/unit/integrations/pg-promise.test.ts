import { EventEmitter } from 'node:events'
import { inspect } from 'node:util'
import pgPromise from 'pg-promise'
import { afterEach, expect, test } from 'vitest'
import { PoolManager } from 'hasql/pg'
import { pgOf, pgPromiseDatabases } from 'hasql/pg-promise'
import type { LeasingManager } from 'hasql/pg-promise'
import { FakePgClient } from '../../support/fake/fake-pg-client.ts'
import { rejection } from '../../support/eventually.ts'
import { untyped } from '../../support/untyped.ts'

type Connected = (error: Error | undefined, client: object | undefined, release: () => void) => void

/** The `pg.Pool` of a role. */
class FakeRolePool extends EventEmitter {
  readonly client: FakePgClient
  readonly totalCount = 3
  readonly idleCount = 2
  readonly waitingCount = 1

  constructor(host: string) {
    super()
    this.client = new FakePgClient(host)
  }

  connect(callback: Connected): void {
    process.nextTick(callback, undefined, this.client, this.client.release)
  }
}

const pgp = pgPromise()
afterEach(() => pgp.end())

const hostPool = (options: object): { readonly options: object } =>
  Object.assign(Object.create(pgOf(pgp).Pool.prototype as object) as object, { options })

function managerOf(masters: readonly object[] = [{ host: 'm', port: 1, password: 'secret' }]): LeasingManager & {
  readonly masterPool: FakeRolePool
  readonly replicaPool: FakeRolePool
} {
  const [masterPools, replicaPools] = [masters.map(hostPool), [hostPool({ host: 'r', port: 2 })]]
  return {
    masterPool: new FakeRolePool('m'),
    replicaPool: new FakeRolePool('r'),
    pools: [...masterPools, ...replicaPools],
    getMasterPools: () => masterPools,
    getReplicaPools: () => replicaPools,
  }
}

test('each database has the connections of its role, and pg-promise its own pg for everything else', async () => {
  const { pg } = pgp
  const { master, replica } = pgPromiseDatabases(pgp, managerOf())
  expect(pgp.pg).toBe(pg)
  expect(await master.one('select 1')).toEqual({ host: 'm' })
  expect(await replica.one('select 1')).toEqual({ host: 'r' })
  expect(replica.$pool).toMatchObject({ totalCount: 3, idleCount: 2, waitingCount: 1 })
})

test('the context of a database is the one that was given', () => {
  expect(pgPromiseDatabases(pgp, managerOf(), { dc: 'shop' }).replica.$dc).toBe('shop')
})

test('the end of a database is its own', async () => {
  const db = managerOf()
  const { master, replica } = pgPromiseDatabases(pgp, db)
  expect(db.masterPool.listenerCount('error')).toBe(1)
  await master.$pool.end()
  expect([db.masterPool, db.replicaPool].map((pool) => pool.listenerCount('error'))).toEqual([0, 1])
  expect(await rejection(master.one('select 1'))).toMatchObject({
    message: expect.stringContaining('destroyed') as string,
  })
  expect(await replica.one('select 1')).toEqual({ host: 'r' })
  pgp.end()
  expect(db.replicaPool.listenerCount('error')).toBe(0)
  expect(await pgPromiseDatabases(pgp, db).master.one('select 1')).toEqual({ host: 'm' })
})

test('a client past the pool is made for the host that has the role, and shows nobody its password', () => {
  const details = pgPromiseDatabases(pgp, managerOf()).master.$cn as Record<string, unknown>
  expect([details.host, details.port, details.password]).toEqual(['m', 1, 'secret'])
  expect({ ...details }).toEqual({ role: 'master' })
  expect(`${inspect(details, { showHidden: true })} ${JSON.stringify(details)}`).not.toContain('secret')
})

test('a client past the pool is not made while no host has the role', async () => {
  const { master } = pgPromiseDatabases(pgp, managerOf([]))
  expect(await rejection(master.connect({ direct: true }))).toMatchObject({ reason: 'no-suitable-host' })
})

test('nonsense is refused', () => {
  const refused = (make: () => unknown, option: string): void =>
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_HASQL_OPTIONS', option }) as Error)
  refused(() => pgPromiseDatabases(untyped(pgPromise), managerOf()), 'pgp')
  refused(() => pgPromiseDatabases(untyped({}), managerOf()), 'pgp')
  refused(() => pgPromiseDatabases(pgp, untyped({})), 'db')
  refused(() => pgPromiseDatabases(pgp, managerOf(), untyped({ context: 1 })), 'context')
  refused(() => pgPromiseDatabases(pgPromise({ schema: 'app' }), managerOf()), 'schema')
  expect(() => pgPromiseDatabases(pgp, new PoolManager('postgresql://u@db1/app'))).toThrow(/\{ pg: pgOf\(pgp\) \}/)
})
