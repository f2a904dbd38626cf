import type { DriverQueryResult } from 'slonik'
import type { Field, FieldResult } from './leased-client.ts'

/** A result as Slonik's drivers give it; its type names fewer commands than servers answer with. */
export function resultOf(result: FieldResult<Record<string, unknown>>): DriverQueryResult
export function resultOf(result: FieldResult<Record<string, unknown>>): unknown {
  const { command, rowCount, rows } = result
  return { command, rowCount, rows, fields: fieldsOf(result) }
}

export function fieldsOf({ fields }: { readonly fields: readonly Field[] }): DriverQueryResult['fields'] {
  return fields.map(({ name, dataTypeID }) => ({ name, dataTypeId: dataTypeID }))
}
