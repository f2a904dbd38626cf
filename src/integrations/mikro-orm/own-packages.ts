import { createRequire } from 'node:module'
import { OptionsError } from '../../errors.ts'
import type { KyselyParts } from '../kysely/driver.ts'
import type { CursorClass } from '../kysely/leases.ts'

/** What MikroORM itself is built on. */
export interface OwnPackages {
  readonly kysely: KyselyParts
  readonly cursor: CursorClass
}

const CLASSES = ['CompiledQuery', 'PostgresAdapter', 'PostgresDriver', 'PostgresIntrospector', 'PostgresQueryCompiler']

/**
 * MikroORM's own copies of Kysely and pg-cursor, which it pins: what is found from here may be others, or none.
 * @throws {OptionsError} they are not what is expected of MikroORM 7.
 */
export function ownPackages(): OwnPackages {
  const fromMikroOrm = createRequire(createRequire(import.meta.url).resolve('@mikro-orm/postgresql'))
  const kysely: unknown = fromMikroOrm('kysely')
  const cursor: unknown = fromMikroOrm('pg-cursor')
  if (isKysely(kysely) && isCursor(cursor)) return { kysely, cursor }
  throw new OptionsError('@mikro-orm/postgresql', 'This release of MikroORM is built differently: use MikroORM 7')
}

function isKysely(module: unknown): module is KyselyParts {
  return typeof module === 'object' && module !== null && CLASSES.every((name) => name in module)
}

function isCursor(module: unknown): module is CursorClass {
  return typeof module === 'function'
}
