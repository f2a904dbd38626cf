import knex from 'knex'
import { describe, expect, test } from 'vitest'
import { knexConfig, onMaster, onReplica } from 'hasql/knex'
import { routeOf } from '../../../src/integrations/knex/route.ts'

/** Where a statement of this text goes. */
const routeOfText = (sql: string): string => routeOf({ queryContext: () => undefined, toSQL: () => ({ sql }) })

describe('a text is a read', () => {
  test.each([
    'select 1',
    '  SELECT * from "orders" where "updated_at" > $1',
    '(select 1) union all (select 2)',
    'with old as (select 1) select * from old',
    'values (1), (2)',
    'table orders',
  ])('%s', (text) => expect(routeOfText(text)).toBe('replica'))
})

describe('a text is no read, or may be none', () => {
  test.each([
    'insert into orders values (1)',
    'with new as (insert into orders values (1) returning id) select * from new',
    'with gone as (delete from orders returning *) select * from gone',
    'with seen as (merge into orders using news on true when matched then do nothing) select 1',
    'select * from orders for update',
    'select * from orders for no key update skip locked',
    'select * from orders for share',
    'select * from orders for key share',
    'select * into copies from orders',
    "select nextval('ids')",
    'select pg_advisory_xact_lock(1)',
    'select pg_try_advisory_lock(1)',
    'select 1; delete from orders',
    'explain analyze delete from orders',
    'call close_the_books()',
    'begin',
    'show server_version;',
    "select currval('ids')",
    "set search_path to 'app'",
    'create table orders (id int)',
    'vacuum orders',
    '',
  ])('%s', (text) => expect(routeOfText(text)).toBe('master'))
})

describe('a builder goes', () => {
  // Nothing is sent: a query builder compiles without a connection.
  const orm = knex({ client: 'pg' })

  test('to a replica if it reads, and to the master if it does not', () => {
    expect(routeOf(orm('orders').where({ id: 1 }).first())).toBe('replica')
    expect(routeOf(orm.raw('select ?', [1]))).toBe('replica')
    expect(routeOf(orm('orders').pluck('id'))).toBe('replica')
    expect(routeOf(orm('orders').insert({ id: 1 }).returning('id'))).toBe('master')
    expect(routeOf(orm('orders').where({ id: 1 }).forUpdate())).toBe('master')
    expect(routeOf(orm('orders').where({ id: 1 }).del())).toBe('master')
    expect(routeOf(orm.with('new', orm('orders').insert({ id: 1 }).returning('id')).from('new'))).toBe('master')
  })

  test('where it was told to, copies and contexts included', () => {
    const read = orm('orders').queryContext({ tenant: 'a' })
    expect(routeOf(onMaster(read).clone())).toBe('master')
    expect(read.queryContext()).toMatchObject({ tenant: 'a' })
    expect(routeOf(onReplica(orm.raw('call report()')))).toBe('replica')
    expect(routeOf(onMaster(onReplica(orm.raw('select 1'))))).toBe('master')
  })

  test('to the master if it cannot be compiled, or is a list of statements', () => {
    expect(routeOf(orm('orders').where({ id: undefined }))).toBe('master')
    expect(routeOf({ queryContext: () => undefined, toSQL: () => [{ sql: 'select 1' }] })).toBe('master')
  })
})

describe('knexConfig refuses', () => {
  const db = { acquireMaster: never, acquireReplica: never, pools: [] }
  const given: unknown = { host: 'db1' }

  test.each([
    ['what is no pool manager', () => knexConfig(given as typeof db), 'db', 'new PoolManager'],
    ['another role', () => knexConfig(db, { role: 'standby' as 'replica' }), 'role', "'master' or 'replica'"],
    ['an unknown option', () => knexConfig(db, { rol: 'master' } as object), 'rol', 'Did you mean role?'],
    ['no time at all', () => knexConfig(db, { cancelTimeoutMs: 0 }), 'cancelTimeoutMs', 'milliseconds'],
    ['a connection', () => knex({ ...knexConfig(db), connection: 'postgresql://a/b' }), 'connection', 'leave'],
    ['a pool', () => knex({ ...knexConfig(db), pool: { max: 5 } }), 'pool', 'poolOptions'],
  ])('%s', (_what, make, option, words) => {
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_HASQL_OPTIONS', option }) as Error)
    expect(make).toThrow(words)
  })
})

async function never(): Promise<never> {
  throw new Error('Nothing is to be leased')
}
