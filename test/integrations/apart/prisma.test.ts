import { createRequire } from 'node:module'
import { readReplicas } from '@prisma/extension-read-replicas'
import { beforeAll, expect, test } from 'vitest'
import { AcquireTimeoutError, PoolManager } from 'hasql/pg'
import type { PgModule } from 'hasql/pg'
import { PrismaHasql } from 'hasql/prisma'
import { eventually, rejection } from '../../support/eventually.ts'
import { waitForTable } from '../../support/wait-for-table.ts'
import { detailSuite } from '../support/details.ts'
import type { Opened, Subject } from '../support/library.ts'
import { integrationSuite } from '../support/suite.ts'
import { PrismaClient } from './prisma/generated/client.ts'
import { complaints } from './prisma/types.ts'

function start(db: PoolManager) {
  const adapter = new PrismaHasql(db)
  return new PrismaClient({ adapter }).$extends(adapter.readReplicas())
}

async function open({ db }: Opened): Promise<Subject> {
  const prisma = start(db)
  return {
    read: async () => {
      const [row] = await prisma.$queryRaw<{ port: number }[]>`select current_setting('port')::int as port`
      return row?.port ?? 0
    },
    write: async (id) => (await prisma.story.create({ data: { id } })).port,
    transaction: (id, failure) =>
      prisma.$transaction(async (tx) => {
        await tx.story.create({ data: { id } })
        if (failure !== undefined) throw failure
        await tx.story.create({ data: { id: -id } })
      }),
    close: () => prisma.$disconnect(),
  }
}

integrationSuite({
  name: 'Prisma',
  package: '@prisma/client',
  from: import.meta.url,
  open,
  lacks: { streaming: 'Prisma has all rows of a result at once', cancel: 'Prisma cannot call a statement off' },
})

const VIEWS = `create table note (id serial primary key, "storyId" int not null references story);
  create view here as select current_setting('port')::int as port;
  create view there as select current_setting('port')::int as port;
  grant all on all tables in schema public to public;
  grant all on all sequences in schema public to public`

detailSuite('where prisma sends what', (ground) => {
  beforeAll(async () => {
    const { db, cluster } = ground()
    await (await cluster.master()).query(VIEWS)
    for (const replica of await cluster.replicas()) await waitForTable(replica, 'there')
    expect(db.replicaPoolCount).toBe(2)
  })

  const portOf = async (client: { here: PrismaClient['here'] }): Promise<number> =>
    (await client.here.findFirstOrThrow()).port

  test('reads to replicas, everything else and all of a transaction to the master', async () => {
    const { db, masterPort, replicaPorts } = ground()
    const prisma = start(db)
    expect(replicaPorts).toContain(await portOf(prisma))
    expect(replicaPorts).toContain((await prisma.here.groupBy({ by: ['port'] }))[0]?.port)
    expect(replicaPorts).toContain((await prisma.here.aggregate({ _max: { port: true } }))._max.port)
    expect((await prisma.story.create({ data: { id: 2 }, include: { notes: true } })).port).toBe(masterPort)
    expect(await prisma.story.update({ where: { id: 2 }, data: { notes: { create: {} } } })).toMatchObject({ id: 2 })
    expect(await prisma.$executeRaw`update story set port = port`).toBe(1)
    expect(await prisma.$queryRaw`insert into story values (3) returning port`).toEqual([{ port: masterPort }])
    await prisma.$transaction(async (tx) => {
      expect(await portOf(tx)).toBe(masterPort)
      expect(await portOf(tx.$primary())).toBe(masterPort)
      expect(() => tx.$replica()).toThrow(/outside/)
    })
    const [first, second] = await prisma.$transaction([prisma.here.findFirst(), prisma.here.findFirst()])
    expect([first?.port, second?.port]).toEqual([masterPort, masterPort])
    await prisma.$disconnect()
    expect((await db.withMaster((connection) => connection.query('select 1 as one'))).rows).toEqual([{ one: 1 }])
  })

  test('a client without the extension stays on the master, or on replicas', async () => {
    const { db, masterPort, replicaPorts } = ground()
    const master = new PrismaClient({ adapter: new PrismaHasql(db) })
    const replica = new PrismaClient({ adapter: new PrismaHasql(db, { role: 'replica' }) })
    expect(await portOf(master)).toBe(masterPort)
    expect(replicaPorts).toContain(await portOf(replica))
    const prisma = master.$extends(readReplicas({ replicas: [replica] }))
    expect(replicaPorts).toContain(await portOf(prisma))
    expect(await portOf(prisma.$primary())).toBe(masterPort)
    expect((await prisma.story.create({ data: { id: 10 } })).port).toBe(masterPort)
    // The documentation warns of this.
    const strayed = prisma.$transaction(async (tx) => {
      await tx.$primary().story.create({ data: { id: 11 } })
      throw new Error('changed my mind')
    })
    expect(await rejection(strayed)).toMatchObject({ message: 'changed my mind' })
    expect(await master.story.count({ where: { id: 11 } })).toBe(1)
    await prisma.$disconnect()
  })

  test('$primary and $replica say where reads go', async () => {
    const { db, masterPort, replicaPorts } = ground()
    const prisma = start(db)
    expect(await portOf(prisma.$primary())).toBe(masterPort)
    const raw = 'select current_setting($1)::int as port, nextval is null from (select null as nextval) as none'
    expect(await prisma.$primary().$queryRawUnsafe(raw, 'port')).toMatchObject([{ port: masterPort }])
    expect(replicaPorts).toContain(await portOf(prisma.$replica()))
    expect((await prisma.$replica().story.create({ data: { id: 20 } })).port).toBe(masterPort)
    const ports = await prisma
      .$replica()
      .$transaction(async (tx) => [await portOf(tx), await portOf(tx), await portOf(prisma)])
    expect(ports[0]).toBe(ports[1])
    expect(replicaPorts).toEqual(expect.arrayContaining(ports))
    const written = prisma.$replica().$transaction((tx) => tx.story.create({ data: { id: 21 } }))
    expect(await rejection(written)).toMatchObject({ message: expect.stringMatching(/read-only transaction/) })
    await prisma.$replica().$transaction(async () => {
      expect((await prisma.story.create({ data: { id: 22 } })).port).toBe(masterPort)
      expect(await prisma.$transaction((tx) => portOf(tx))).toBe(masterPort)
    })
    await prisma.$disconnect()
  })

  test('a row and its relations come from one replica', async () => {
    const { db } = ground()
    const prisma = start(db)
    const seen = new Set<number>()
    await eventually('each replica is read from', async () => {
      const rows = await Promise.all(
        Array.from({ length: 4 }, () =>
          prisma.here.findFirstOrThrow({ include: { same: { include: { here: true } } } }),
        ),
      )
      for (const { port, same } of rows) {
        expect(same).toEqual([{ port, here: { port } }])
        seen.add(port)
      }
      return seen.size === 2
    })
    const [port = 0] = seen
    await eventually('the relation of a row is read', async () => {
      const same = await prisma.here.findUnique({ where: { port } }).same()
      return same?.[0]?.port === port
    })
    await prisma.$disconnect()
  })

  test('a findUnique of the master is never made part of a statement for a replica', async () => {
    const { db, masterPort, replicaPorts } = ground()
    const prisma = start(db)
    const [port = 0] = replicaPorts
    const ofMaster = () => prisma.$primary().here.findUnique({ where: { port: masterPort } })
    const ofReplica = () => prisma.here.findUnique({ where: { port } })
    for (let round = 0; round < 10; round += 1) {
      const [first, , last] = await Promise.all([ofMaster(), ofReplica(), ofMaster()])
      expect([first, last]).toEqual([{ port: masterPort }, { port: masterPort }])
      const [, second] = await Promise.all([ofReplica(), ofMaster(), ofReplica()])
      expect(second).toEqual({ port: masterPort })
    }
    await eventually('reads go to replicas again', async () => (await ofReplica())?.port === port)
    await prisma.$disconnect()
  })

  test('a connection that dies in a transaction, or under a read, ends nothing but that', async () => {
    const { db, masterPort, replicaPorts } = ground()
    const prisma = start(db)
    const killed = prisma.$transaction(async (tx) => {
      await tx.story.create({ data: { id: 30 } })
      await tx.$executeRaw`select pg_terminate_backend(pg_backend_pid())`
    })
    expect(await rejection(killed)).toBeInstanceOf(Error)
    expect(await prisma.$primary().story.count({ where: { id: 30 } })).toBe(0)
    const read = prisma.$replica().$queryRaw`select pg_terminate_backend(pg_backend_pid())`
    expect(await rejection(read)).toBeInstanceOf(Error)
    expect(replicaPorts).toContain(await portOf(prisma))
    expect(await portOf(prisma.$primary())).toBe(masterPort)
    await prisma.$disconnect()
  })

  test('a transaction that ran out of time leaves no connection in it', async () => {
    const { db, masterPort } = ground()
    const prisma = start(db)
    const slow = prisma.$transaction(
      async (tx) => {
        await tx.story.create({ data: { id: 40 } })
        await tx.$queryRaw`select pg_sleep(0.4)::text`
        await tx.story.create({ data: { id: 41 } })
      },
      { timeout: 200 },
    )
    expect(await rejection(slow)).toMatchObject({ code: 'P2028' })
    const held = await Promise.all([db.acquireMaster(), db.acquireMaster()])
    const late = prisma.$transaction((tx) => tx.story.create({ data: { id: 42 } }), { maxWait: 100 })
    expect(await rejection(late)).toMatchObject({ code: 'P2028' })
    for (const connection of held) {
      expect(connection.getTransactionStatus()).toBe('I')
      connection.release()
    }
    expect(await prisma.$primary().story.count({ where: { id: { gte: 40 } } })).toBe(0)
    expect(await portOf(prisma.$primary())).toBe(masterPort)
    await prisma.$disconnect()
  })

  test('what hasql has to say arrives with its code and its words', async () => {
    const { cluster } = ground()
    const other = new PoolManager(cluster.dsn, { acquireTimeoutMs: 50, poolOptions: { max: 1 } })
    await other.ready()
    const prisma = start(other)
    const held = await other.acquireMaster()
    expect(await rejection(prisma.story.create({ data: { id: 50 } }))).toMatchObject({
      code: 'ERR_HASQL_ACQUIRE_TIMEOUT',
      message: expect.stringContaining('raise poolOptions.max'),
    })
    expect(await rejection(prisma.$transaction(async () => undefined))).toBeInstanceOf(AcquireTimeoutError)
    held.release()
    await prisma.$disconnect()
    await other.close()
    expect(await rejection(portOf(prisma))).toMatchObject({ code: 'ERR_HASQL_CLOSED' })
  })

  test('a manager on another copy of pg than the adapter’s will do', async () => {
    const { cluster, masterPort } = ground()
    const found = createRequire(createRequire(import.meta.url).resolve('pg-promise'))('pg') as PgModule
    const other = new PoolManager(cluster.dsn, { pg: found })
    expect(other.masterPool).toBeInstanceOf(found.Pool)
    const prisma = start(other)
    expect((await prisma.story.create({ data: { id: 60 } })).port).toBe(masterPort)
    await prisma.$disconnect()
    await other.close()
  })
})

test('the examples of the documentation compile with a generated client', () => {
  expect(complaints()).toEqual([])
})
