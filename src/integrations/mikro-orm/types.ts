import { createPostgreSqlTypeParsers } from '@mikro-orm/postgresql'
import type { LeasedClient, TypeParsers } from '../kysely/leases.ts'

/** `text[]`: `pg` reads its items as they are. */
const TEXT_ARRAY = 1009

const known = new WeakMap<LeasedClient, TypeParsers>()

/** MikroORM reads dates, times and intervals itself, from text; everything else as the pool does. */
export function mikroOrmTypes(client: LeasedClient): TypeParsers {
  const types = known.get(client) ?? typesOf(client)
  known.set(client, types)
  return types
}

function typesOf(client: LeasedClient): TypeParsers {
  const parseArray = client.getTypeParser(TEXT_ARRAY, 'text')
  const parsers = new Map(Object.entries(createPostgreSqlTypeParsers((text) => listOf(parseArray(text)))))
  return {
    getTypeParser: (oid, format = 'text') =>
      (format === 'text' ? parsers.get(String(oid)) : undefined) ?? client.getTypeParser(oid, format),
  }
}

function listOf(parsed: unknown): string[] {
  const items: readonly unknown[] = Array.isArray(parsed) ? parsed : []
  return items.filter(isItem)
}

/** A NULL is an item as well, though MikroORM's types do not say so. */
function isItem(item: unknown): item is string {
  return item === null || typeof item === 'string'
}
