import { Kysely, sql } from 'kysely'
import type { RawBuilder } from 'kysely'
import Cursor from 'pg-cursor'
import { HasqlDialect } from 'hasql/kysely'
import type { Opened, Subject } from './library.ts'

// 'kysely' is the version of the project that a test belongs to.

export interface Database {
  readonly story: { readonly id: number; readonly port: number | undefined }
}

export const PORT: RawBuilder<number> = sql<number>`current_setting('port')::int`

/** Kysely as its users know it, on the dialect of `hasql/kysely`. */
export function openKysely({ db }: Opened): Subject & { readonly kysely: Kysely<Database> } {
  const kysely = new Kysely<Database>({ dialect: new HasqlDialect(db, { cursor: Cursor }) })
  return {
    kysely,
    read: async () => (await kysely.selectNoFrom(PORT.as('port')).executeTakeFirstOrThrow()).port,
    write: async (id) => {
      const written = kysely.insertInto('story').values({ id }).returning('port')
      return (await written.executeTakeFirstOrThrow()).port ?? 0
    },
    transaction: async (id, failure) => {
      await kysely.transaction().execute(async (trx) => {
        await trx.insertInto('story').values({ id }).execute()
        if (failure !== undefined) throw failure
        await trx.insertInto('story').values({ id: -id }).execute()
      })
    },
    stream: async () => {
      const numbers = kysely.selectFrom(sql<{ n: number }>`generate_series(1, 1000)`.as('n')).selectAll()
      let rows = 0
      for await (const _ of numbers.stream(100)) rows += 1
      return rows
    },
    close: () => kysely.destroy(),
  }
}
