import knex from 'knex'
import { expect, test } from 'vitest'
import { knexConfig, onMaster } from 'hasql/knex'
import { FakeManager } from '../../support/fake/fake-pg-client.ts'
import { rejection } from '../../support/eventually.ts'

test('a lease lasts for one statement, and its role follows from the statement', async () => {
  const db = new FakeManager()
  const orm = knex({ ...knexConfig(db), acquireConnectionTimeout: 70 })
  expect(await orm.select('*').from('orders')).toEqual([{ host: 'r' }])
  expect(await onMaster(orm.select('*').from('orders'))).toEqual([{ host: 'm' }])
  await orm.raw('call work()')
  expect(db.leases).toEqual([['r', 'm', 'm']].flat().map((host) => [host, { timeoutMs: 70 }]))
  expect([db.master.released, db.replica.released]).toEqual([[false, false], [false]])
})

test('a transaction has one lease', async () => {
  const db = new FakeManager()
  const orm = knex(knexConfig(db))
  await orm.transaction(async (trx) => {
    await trx.select('*').from('orders')
    await trx.raw('call work()')
  })
  expect(db.master.asked.map((text) => text.replace(';', ''))).toEqual([
    'BEGIN',
    'select * from "orders"',
    'call work()',
    'COMMIT',
  ])
  expect(db.master.released).toEqual([false])
})

test('the search path is set once, and again when another Knex has set its own', async () => {
  const db = new FakeManager((text) => (text.includes('broken') ? new Error('no such path') : { rows: [] }))
  const [one, other, broken] = ['one', 'other', 'broken'].map((searchPath) => knex({ ...knexConfig(db), searchPath }))
  await one?.raw('call work()')
  await one?.raw('call work()')
  await other?.raw('call work()')
  await one?.raw('call work()')
  const paths = db.master.asked.filter((text) => text.startsWith('set'))
  expect(paths).toEqual(['set search_path to "one"', 'set search_path to "other"', 'set search_path to "one"'])
  expect(await rejection(Promise.resolve(broken?.raw('call work()')))).toMatchObject({ message: 'no such path' })
  expect(db.master.released.at(-1)).toBe(true)
})

test('what timed out without a cancel is not used again', async () => {
  const db = new FakeManager()
  db.master.query = () => undefined
  const orm = knex(knexConfig(db, { role: 'master' }))
  expect(await rejection(Promise.resolve(orm.raw('select 1').timeout(5)))).toMatchObject({ name: 'KnexTimeoutError' })
  expect(db.master.released).toEqual([true])
})

test('a cancel that fails says so', async () => {
  const db = new FakeManager()
  db.master.query = () => undefined
  Object.assign(db.master, { host: 'elsewhere' })
  const orm = knex(knexConfig(db, { role: 'master' }))
  const error = await rejection(Promise.resolve(orm.raw('select 1').timeout(5, { cancel: true })))
  expect(error).toMatchObject({ message: expect.stringContaining('cancelling of query failed') as string })
  expect(db.master.released).toEqual([true])
})

test('a refused lease is passed on, and none is asked for when Knex has ended', async () => {
  const db = new FakeManager()
  const orm = knex(knexConfig(db))
  db.refusal = new Error('no host')
  expect(await rejection(Promise.resolve(orm.raw('select 1')))).toBe(db.refusal)
  await orm.destroy()
  expect(await rejection(Promise.resolve(orm.raw('select 1')))).toMatchObject({
    message: expect.stringContaining('destroyed') as string,
  })
  expect(db.leases.length).toBe(1)
})
