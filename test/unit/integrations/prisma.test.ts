import { EventEmitter } from 'node:events'
import type { PoolManager } from 'hasql/pg'
import { PrismaHasql } from 'hasql/prisma'
import type { PrismaHasqlOptions, ReadOptions } from 'hasql/prisma'
import { expect, test } from 'vitest'
import { FakeManager } from '../../support/fake/fake-pg-client.ts'
import { untyped } from '../../support/untyped.ts'

type Adapter = Awaited<ReturnType<PrismaHasql['connect']>>
type Method = (this: object, ...args: unknown[]) => unknown

/** The `pg.Pool` of a role: notes what it is asked. */
class FakePool extends EventEmitter {
  readonly options = {}
  readonly asked: string[] = []
  isEnded = false
  async query({ text }: { text: string }): Promise<object> {
    this.asked.push(text)
    return { fields: [], rows: [], rowCount: 1 }
  }
  async connect(): Promise<object> {
    this.asked.push('connect')
    return Object.assign(new EventEmitter(), {
      query: (config: { text: string }) => this.query(config),
      release: () => this.asked.push('release'),
    })
  }
  async end(): Promise<void> {
    this.isEnded = true
  }
}

/** A client of Prisma's as far as extensions see it: `call` runs an operation through the extension that it was made with. */
class FakeClient {
  readonly extension: {
    client?: Record<string, Method>
    query?: { $allOperations: (call: object) => Promise<unknown> }
  }
  $transaction: unknown = async (run: () => Promise<unknown>) => run()

  constructor(extension: FakeClient['extension'] = {}) {
    this.extension = extension
    Object.assign(this, extension.client)
  }

  $extends(extension: FakeClient['extension']): FakeClient {
    return new FakeClient(extension)
  }

  call(operation: string, query: () => Promise<unknown>, transaction?: object): Promise<unknown> {
    const call = { model: 'Order', operation, args: {}, query, __internalParams: { transaction } }
    return this.extension.query?.$allOperations(call) ?? query()
  }

  /** `$primary()` and `$replica()`. */
  at(role: 'primary' | 'replica', self: object = this): FakeClient {
    return this.extension.client?.[`$${role}`]?.call(self) as FakeClient
  }
}

interface Setting {
  readonly db: FakeManager & { masterPool: FakePool; replicaPool: FakePool }
  readonly adapter: PrismaHasql
  readonly driver: Adapter
  readonly prisma: FakeClient
  /** Runs one statement, as Prisma would on behalf of an operation. */
  readonly ask: (sql: string) => Promise<unknown>
}

async function set(options: PrismaHasqlOptions = {}, reads: ReadOptions = {}): Promise<Setting> {
  const pools = { masterPool: new FakePool(), replicaPool: new FakePool() }
  const manager = new FakeManager()
  Object.assign(manager.replica, { getTransactionStatus: () => 'I' })
  const db = Object.assign(manager, pools)
  const adapter = new PrismaHasql(db as unknown as PoolManager, options)
  const driver = await adapter.connect()
  const prisma = adapter.readReplicas(reads)(new FakeClient()) as unknown as FakeClient
  const ask = (sql: string): Promise<unknown> => driver.executeRaw({ sql, args: [], argTypes: [] })
  return { db, adapter, driver, prisma, ask }
}

test('everything goes to the master, and the manager stays open', async () => {
  const { db, driver, ask } = await set({ schema: 'shop' })
  await ask('select 1')
  const transaction = await driver.startTransaction()
  await transaction.commit()
  expect(db.masterPool.asked).toEqual(['select 1', 'connect', 'BEGIN', 'release'])
  expect(db.replicaPool.asked).toEqual([])
  expect(driver.getConnectionInfo().schemaName).toBe('shop')
  expect(db.masterPool.listenerCount('error')).toBe(1)
  await driver.dispose()
  expect([db.masterPool.isEnded, db.masterPool.listenerCount('error')]).toEqual([false, 0])
})

test('everything goes to replicas if they are the role', async () => {
  const { db, driver, ask } = await set({ role: 'replica' })
  await ask('select 1')
  await driver.startTransaction()
  expect([db.masterPool.asked, db.replicaPool.asked]).toEqual([[], ['select 1', 'connect', 'BEGIN']])
})

test('the statements of one read share one lease, one after the other, and it goes back', async () => {
  const { db, prisma, ask } = await set({}, { maxLagMs: 100 })
  await prisma.call('findMany', async () => {
    await ask('select 1')
    await Promise.all([ask('select 2'), ask('select 3')])
    expect(db.replica.released).toEqual([])
  })
  await Promise.resolve()
  expect(db.replica.asked).toEqual(['select 1', 'select 2', 'select 3'])
  expect(db.leases).toEqual([['r', { maxLagMs: 100 }]])
  expect(db.replica.released).toEqual([false])
  expect([...db.masterPool.asked, ...db.replicaPool.asked]).toEqual([])
})

test('what writes goes to the master, by its operation, its text or its transaction', async () => {
  const { db, prisma, ask } = await set()
  await prisma.call('create', () => ask('select 1'))
  await prisma.call('$queryRaw', () => ask('insert into t values (1)'))
  await prisma.call('findMany', () => ask('select 2'), { kind: 'itx' })
  await prisma.call('$executeRaw', () => ask('select 3'))
  expect(db.masterPool.asked).toEqual(['select 1', 'insert into t values (1)', 'select 2', 'select 3'])
  expect(db.leases).toEqual([])
})

test('$primary and $replica say where reads go', async () => {
  const { db, prisma, ask } = await set()
  await prisma.at('primary').call('findMany', () => ask('select 1'))
  expect(db.masterPool.asked).toEqual(['select 1'])
  await prisma
    .at('primary')
    .at('replica')
    .call('$queryRaw', () => ask('call report()'))
  expect(db.replica.asked).toEqual(['call report()'])
})

test('a transaction of $replica begins on a replica, and none within it', async () => {
  const { db, driver, prisma, ask } = await set()
  const replica = prisma.at('replica')
  const { $transaction } = replica as unknown as { $transaction: (run: () => Promise<unknown>) => Promise<unknown> }
  await $transaction(async () => {
    await driver.startTransaction()
    await driver.startTransaction()
    await ask('select 1')
  })
  expect(db.replicaPool.asked).toEqual(['connect', 'BEGIN'])
  expect(db.masterPool.asked).toEqual(['connect', 'BEGIN', 'select 1'])
})

test('in a transaction, $primary is the transaction and $replica is refused', async () => {
  const { prisma } = await set()
  const transaction = {}
  expect(prisma.at('primary', transaction)).toBe(transaction)
  expect(() => prisma.at('replica', transaction)).toThrow(expect.objectContaining({ code: 'ERR_HASQL_SESSION_BUSY' }))
})

test('a findUnique of the master takes along those that may become one statement with it', async () => {
  const { db, prisma, ask } = await set()
  let dispatch = (): void => undefined
  const turn = new Promise<void>((resolve) => (dispatch = resolve))
  const unique = (client: FakeClient, sql: string): Promise<unknown> =>
    client.call('findUnique', async () => {
      await turn
      await ask(sql)
    })
  const all = [unique(prisma, 'select 1'), unique(prisma.at('primary'), 'select 2'), unique(prisma, 'select 3')]
  const other = prisma.call('findMany', () => ask('select 4'))
  dispatch()
  await Promise.all([...all, other])
  expect(db.masterPool.asked).toEqual(['select 1', 'select 2', 'select 3'])
  await unique(prisma, 'select 5')
  expect(db.replica.asked).toEqual(['select 4', 'select 5'])
})

test('a read that is over leases nothing more, and gives a late lease back', async () => {
  const { db, prisma, ask } = await set()
  let late = Promise.resolve<unknown>(undefined)
  const failed = new Error('one of several statements')
  const read = prisma.call('findMany', async () => {
    late = ask('select 1').catch((error: unknown) => error)
    throw failed
  })
  await expect(read).rejects.toBe(failed)
  await late
  expect(db.replica.released).toHaveLength(1)

  let ran: Promise<unknown> | undefined
  await prisma.call('findMany', async () => {
    ran = (async () => {
      await new Promise((resolve) => setImmediate(resolve))
      await ask('select 2')
    })()
  })
  await ran
  expect(db.replica.asked).not.toContain('select 2')
  expect(db.replicaPool.asked).toEqual(['select 2'])
})

test('a lease that is refused is what the read fails with', async () => {
  const { db, prisma, ask } = await set()
  db.refusal = new Error('no host')
  await expect(prisma.call('findMany', () => ask('select 1'))).rejects.toBe(db.refusal)
})

test('nonsense is refused', async () => {
  const { db, adapter } = await set()
  const refused = (make: () => unknown, option: string): void =>
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_HASQL_OPTIONS', option }) as Error)
  refused(() => new PrismaHasql(untyped({})), 'db')
  refused(() => new PrismaHasql(untyped(db), untyped({ rolle: 'master' })), 'rolle')
  refused(() => new PrismaHasql(untyped(db), untyped({ role: 'slave' })), 'role')
  refused(() => new PrismaHasql(untyped(db), untyped({ disposeExternalPool: true })), 'disposeExternalPool')
  refused(() => adapter.readReplicas(untyped({ maxLag: 1 })), 'maxLag')
})
