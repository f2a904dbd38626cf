import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { typeormOptions } from 'hasql/typeorm'
import type { BorrowedPool, LeasingManager } from 'hasql/typeorm'
import { FakeManager } from '../../support/fake/fake-pg-client.ts'
import { untyped } from '../../support/untyped.ts'

/** The `pg.Pool` of a role. */
class FakeRolePool extends EventEmitter {
  readonly totalCount = 3
  readonly idleCount = 2
  readonly waitingCount = 1
  connect(callback: (error: Error | undefined, client: object | undefined, release: () => void) => void): void {
    callback(undefined, this, () => undefined)
  }
}

const managerOf = (): FakeManager & LeasingManager =>
  Object.assign(new FakeManager(), { masterPool: new FakeRolePool(), replicaPool: new FakeRolePool() })

const connect = (pool: BorrowedPool): Promise<unknown[]> =>
  new Promise((resolve) => pool.connect((...answer) => resolve(answer)))

test('the pool of a role is the manager’s, but for the first connection of the replicas', async () => {
  const db = managerOf()
  const { driver, replication } = typeormOptions(db)
  const [master, replica] = [new driver.Pool(replication.master), new driver.Pool({ ...replication.slaves[0] })]
  expect((await connect(master))[1]).toBe(db.masterPool)
  expect((await connect(replica))[1]).toBe(db.replica)
  expect(db.leases).toEqual([['r', { fallbackMaster: true }]])
  expect((await connect(replica))[1]).toBe(db.replicaPool)
  expect([replica.totalCount, replica.idleCount, replica.waitingCount]).toEqual([3, 2, 1])
})

test('the first connection may be refused', async () => {
  const db = managerOf()
  db.refusal = new Error('no host')
  const { driver, replication } = typeormOptions(db)
  const [error, client] = await connect(new driver.Pool({ ...replication.slaves[0] }))
  expect([error, client]).toEqual([db.refusal, undefined])
})

test('errors are told until the pool ends', async () => {
  const db = managerOf()
  const { driver, replication } = typeormOptions(db)
  const pool = new driver.Pool(replication.master)
  const told: Error[] = []
  pool.on('error', (error) => told.push(error))
  const lost = new Error('lost')
  const emitter = db.masterPool as unknown as EventEmitter
  emitter.emit('error', lost)
  await new Promise<void>((resolve) => void pool.end(resolve))
  expect(emitter.listenerCount('error')).toBe(0)
  expect(told).toEqual([lost])
  await pool.end()
  expect((await connect(pool))[0]).toMatchObject({ message: 'The data source was destroyed' })
})

test.each([
  ['a host of its own', { host: 'db1' }, 'replication'],
  ['a size', { host: 'hasql-master', max: 3 }, 'poolSize'],
  ['a time limit', { host: 'hasql-master', connectionTimeoutMillis: 3 }, 'connectTimeoutMS'],
])('a pool with %s is refused', (_what, config, option) => {
  const { driver } = typeormOptions(managerOf())
  expect(() => new driver.Pool(config)).toThrow(expect.objectContaining({ option }) as Error)
})

test('nonsense is refused, and pg is shown to TypeORM without its native part', () => {
  const refused = (make: () => unknown, option: string): void =>
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_HASQL_OPTIONS', option }) as Error)
  refused(() => typeormOptions(untyped({})), 'db')
  refused(() => typeormOptions(managerOf(), untyped({ mode: 'slave' })), 'mode')
  refused(() => typeormOptions(managerOf(), untyped({ defaultMode: 'replica' })), 'defaultMode')
  const defaults = {}
  const { driver, replication } = typeormOptions(managerOf(), { pg: { defaults }, defaultMode: 'master' })
  expect(driver).toMatchObject({ defaults, native: undefined })
  expect(replication.defaultMode).toBe('master')
})
