import { expect, test } from 'vitest'
import { sourceFiles } from '../../support/import-graph.ts'
import { sqlIn, unqualifiedNames } from '../../support/sql-names.ts'

const texts = sqlIn(sourceFiles().filter((file) => !file.startsWith('src/testing/')))

test('the SQL of the sources is found', () => {
  const files = new Set(texts.map(({ file }) => file))
  for (const file of ['monitor/role-query', 'monitor/token-query', 'cli/rights', 'cli/server-facts'])
    expect(files).toContain(`src/${file}.ts`)
  expect(texts.length).toBeGreaterThan(6)
})

test.each(texts)('$file names every function, relation, type and operator with its schema: $sql', ({ sql }) => {
  expect(unqualifiedNames(sql)).toEqual([])
})

test.each([
  ['select pg_is_in_recovery()', ['pg_is_in_recovery']],
  ['select pg_catalog.now()::text', ['text']],
  ['select 1 from pg_stat_wal_receiver', ['pg_stat_wal_receiver']],
  ['select pg_catalog.now() - pg_catalog.now()', ['-']],
  ["select 'x' || 'y'", ['||']],
  ["select pg_catalog.has_function_privilege('pg_control_system()', 'execute')", ["'pg_control_system()'"]],
  ['select oid::int from pg_catalog.pg_type where typname operator(pg_catalog.=) any($1)', []],
  ["select coalesce((select pid::pg_catalog.text from pg_catalog.pg_stat_wal_receiver), 'none')", []],
])('in %s these are not: %j', (sql, names) => {
  expect(unqualifiedNames(sql)).toEqual(names)
})
