import type { NativeQuery, NativeSql } from './native.ts'
import { nativeQuery } from './native.ts'

/** Runs one statement of hasql's own; what the caller has set for his values does not touch it. */
export async function firstRow(
  template: NativeSql,
  sql: string,
  run: (query: NativeQuery) => void,
): Promise<readonly (string | null)[]> {
  const made = template.unsafe(sql)
  const query = nativeQuery(made)
  Reflect.set(query, 'isRaw', true)
  query.handler = run
  const rows: unknown = await made
  const row: unknown = firstOf(rows)
  return Array.isArray(row) ? row.map((value: unknown) => (Buffer.isBuffer(value) ? value.toString() : null)) : []
}

/** Of several statements postgres.js has a list of results, which have a count of columns; a row has none. */
function firstOf(rows: unknown): unknown {
  if (!Array.isArray(rows)) return undefined
  const last: unknown = rows.at(-1)
  return Array.isArray(last) && 'columns' in last ? last[0] : rows[0]
}
