import { describe, expect, test } from 'vitest'
import { readsOnly } from '../../../src/integrations/sql/reads-only.ts'

describe('a statement that certainly only reads', () => {
  test.each([
    'select 1',
    'SELECT * FROM orders',
    '\n  select 1;\n',
    'select 1;  ',
    '(select 1) union (select 2)',
    'with new as (select 1) select * from new',
    'WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t) TABLE t',
    'values (1), (2)',
    'table orders',
    '-- the newest first; delete nothing\nselect 1',
    '/* insert; */ select 1',
    `select 'insert into orders; delete from orders'`,
    `select 'it''s an update'`,
    `select E'it\\'s an update; ' as text`,
    'select $$delete; from$$',
    'select $body$ update $$ $body$',
    'select "update", "for share" from "insert"',
    'select "a "" delete" from t',
    'select $1 + $2 from t where id = $3',
    'select updated_at, inserted, deleted_at from t',
    'select nextvalue, pg_notify from t',
    "select a -> $1 ->> 'delete' from t where b ? 'into'",
  ])('%s', (text) => {
    expect(readsOnly(text)).toBe(true)
  })
})

describe('a statement that may do more', () => {
  test.each([
    '',
    'insert into t values (1)',
    'update t set a = 1',
    'delete from t',
    'merge into t using s on true when matched then delete',
    'begin',
    'commit',
    'call work()',
    'do $$ begin null; end $$',
    'explain analyze insert into t values (1)',
    'set search_path = app',
    'listen news',
    'create table t ()',
    'with written as (insert into t values (1) returning *) select * from written',
    'with gone as (delete from t returning *) select * from gone',
    'with t as (select 1) insert into s select * from t',
    'select * into copy from t',
    'select * from t for update',
    'select * from t FOR NO KEY UPDATE SKIP LOCKED',
    'select * from t for share',
    'select * from t for key share',
    'select * from (select * from t for update) s',
    'select 1; drop table t',
    'select 1; -- and\n delete from t',
    `select 'a'; drop table t; select 'b'`,
    `select nextval('s')`,
    'select setval($1, 5)',
    'select pg_catalog.nextval ($1)',
    'select pg_advisory_lock(1)',
    'select pg_try_advisory_xact_lock(1)',
    `select pg_notify('news', 'x')`,
    `select set_config('a.b', 'c', false)`,
    'select pg_current_wal_lsn()',
    'select pg_current_xact_id()',
    'select lo_create(0)',
    '/* a /* nested */ comment */ select 1',
    `select 'open`,
    'select "open',
    'select $tag$ open',
    `select E'\\'' ; delete from t --'`,
  ])('%s', (text) => {
    expect(readsOnly(text)).toBe(false)
  })
})
