import fastifyPostgres from '@fastify/postgres'
import { Module } from '@nestjs/common'
import type { OnApplicationShutdown } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm'
import connectPgSimple from 'connect-pg-simple'
import session from 'express-session'
import type { Store } from 'express-session'
import Fastify from 'fastify'
import { makeSchema } from 'postgraphile'
import { makePgService } from 'postgraphile/adaptors/pg'
import { grafast } from 'postgraphile/grafast'
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber'
import type pg from 'pg'
import { expect } from 'vitest'
import { PoolManager } from 'hasql/pg'
import { typeormOptions } from 'hasql/typeorm'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import { eventually, rejection } from '../../support/eventually.ts'
import { expectAtMostOne, recipe, untilDone } from './scene.ts'

forbidEscapedErrors()

const ORDERS = 'create table orders (id serial primary key, item text not null)'

recipe('connect-pg-simple', async ({ db, setUp, failOver }) => {
  await setUp('create table session (sid varchar primary key, sess json not null, expire timestamp not null)')
  const logged: unknown[] = []
  const PgStore = connectPgSimple(session)
  const store = new PgStore({ pool: db.masterPool, errorLog: (...said) => logged.push(said) })
  await put(store, 'one')
  await failOver()
  expectAtMostOne(await untilDone(() => put(store, 'two')))
  expect([await user(store, 'one'), await user(store, 'two')]).toEqual(['one', 'two'])
  await store.close()
  expect((await db.masterPool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
})

function put(store: Store, name: string): Promise<void> {
  const value = { cookie: new session.Cookie({ maxAge: 60_000 }), user: name }
  return new Promise((resolve, reject) =>
    store.set(name, value as never, (error) => (error == null ? resolve() : reject(error as Error))),
  )
}

function user(store: Store, name: string): Promise<unknown> {
  return new Promise((resolve, reject) =>
    store.get(name, (error, found) =>
      error == null ? resolve(Reflect.get(found ?? {}, 'user')) : reject(error as Error),
    ),
  )
}

recipe('@fastify/postgres', async ({ db, setUp, failOver }) => {
  await setUp(ORDERS)
  const app = Fastify()
  // It makes its pool with `new pg.Pool(options)`, and ends it with the application.
  const role = (pool: pg.Pool) => ({
    Client: pool.Client,
    Pool: function Pool() {
      return pool
    },
  })
  await app.register(fastifyPostgres, { pg: role(db.masterPool) as never })
  await app.register(fastifyPostgres, { name: 'replica', pg: role(db.replicaPool) as never })
  app.get('/orders', async () => (await app.pg.replica.query('select item from orders order by id')).rows)
  app.post('/orders', { pg: { transact: true } } as never, async (request) => {
    await request.pg?.query('insert into orders (item) values ($1)', [request.body])
    return 'ordered'
  })
  const order = async (item: string): Promise<void> => {
    const { statusCode, body } = await app.inject({
      method: 'POST',
      url: '/orders',
      headers: { 'content-type': 'text/plain' },
      body: item,
    })
    if (statusCode !== 200) throw new Error(body)
  }
  await order('tea')
  await failOver()
  await untilDone(() => order('coffee'))
  await eventually(
    'both are there',
    async () => (await app.inject('/orders')).body === '[{"item":"tea"},{"item":"coffee"}]',
  )
  await app.close()
  // Both pools are ended now, but the manager is not.
  expect((await db.withMaster((connection) => connection.query('select 1 as one'))).rows).toEqual([{ one: 1 }])
})

recipe('@nestjs/typeorm', async ({ db, setUp, failOver }) => {
  await setUp(ORDERS)
  class AppModule {}
  Module({ imports: [TypeOrmModule.forRootAsync({ useFactory: () => typeormOptions(db) })] })(AppModule)
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false })
  const source = app.get(getDataSourceToken())
  const order = (item: string): Promise<unknown> => source.query('insert into orders (item) values ($1)', [item])
  await order('tea')
  await failOver()
  expectAtMostOne(await untilDone(() => order('coffee')))
  const found = await source.createQueryBuilder().select('item').from('orders', 'orders').orderBy('id').getRawMany()
  expect(found).toEqual([{ item: 'tea' }, { item: 'coffee' }])
  await app.close()
})

recipe('@nestjs/core', async ({ dsn, setUp, failOver }) => {
  await setUp(ORDERS)
  class Database extends PoolManager implements OnApplicationShutdown {
    onApplicationShutdown(): Promise<void> {
      return this.close()
    }
  }
  class AppModule {}
  Module({ providers: [{ provide: Database, useFactory: () => new Database(dsn, { fallbackMaster: true }) }] })(
    AppModule,
  )
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false })
  const database = app.get(Database)
  const order = (item: string): Promise<unknown> =>
    database.withMaster((connection) => connection.query('insert into orders (item) values ($1)', [item]))
  await order('tea')
  await failOver()
  expectAtMostOne(await untilDone(() => order('coffee')))
  const { rows } = await database.withReplica((connection) => connection.query('select item from orders order by id'))
  expect(rows).toEqual([{ item: 'tea' }, { item: 'coffee' }])
  await app.close()
  expect(database.closed).toBe(true)
})

recipe('postgraphile', async ({ db, setUp, failOver }) => {
  await setUp(ORDERS)
  const pgService = makePgService({ pool: db.masterPool, schemas: ['public'] })
  const { schema, resolvedPreset } = await makeSchema({ extends: [PostGraphileAmberPreset], pgServices: [pgService] })
  const ask = async (source: string): Promise<unknown> => {
    const { data, errors } = (await grafast({ schema, source, resolvedPreset, requestContext: {} })) as {
      data?: unknown
      errors?: readonly Error[]
    }
    if (errors !== undefined) throw new AggregateError(errors, errors.map(String).join('\n'))
    return data
  }
  const order = (item: string): Promise<unknown> =>
    ask(`mutation { createOrder(input: { order: { item: "${item}" } }) { clientMutationId } }`)
  await order('tea')
  const events = pgService.pgSubscriber?.subscribe('orders')
  const interrupted = rejection(Promise.resolve(events?.[Symbol.asyncIterator]().next()))
  await eventually('it listens', () => db.metrics().drivers.some(({ used }) => used > 0))
  await failOver()
  // What subscribed is told that it may have missed something.
  expect(await interrupted).toMatchObject({ message: expect.stringContaining('pubsub channel interrupted') })
  expectAtMostOne(await untilDone(() => order('coffee')))
  expect(await ask('{ allOrders { nodes { item } } }')).toMatchObject({
    allOrders: { nodes: [{ item: 'tea' }, { item: 'coffee' }] },
  })
  const again = pgService.pgSubscriber?.subscribe('orders')
  const next = again?.[Symbol.asyncIterator]().next()
  await eventually('it is told of what is new', async () => {
    await db.masterPool.query("select pg_notify('orders', 'new')")
    return Promise.race([
      next?.then(() => true),
      new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 100)),
    ])
  })
  expect(await next).toEqual({ done: false, value: 'new' })
  await pgService.release?.()
})
