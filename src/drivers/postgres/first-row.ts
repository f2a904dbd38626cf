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
  const row: unknown = Array.isArray(rows) ? rows[0] : undefined
  return Array.isArray(row) ? row.map((value: unknown) => (Buffer.isBuffer(value) ? value.toString() : null)) : []
}
