import { sql } from 'drizzle-orm'
import { integer, pgTable } from 'drizzle-orm/pg-core'
import { drizzle } from 'drizzle-orm/postgres-js'
import { PoolManager } from 'hasql/postgres'
import type { Opened, Subject } from './support/library.ts'
import { integrationSuite } from './support/suite.ts'

const story = pgTable('story', { id: integer().primaryKey(), port: integer() })

/** Drizzle on postgres.js: one for each role. */
async function open({ dsn }: Opened): Promise<Subject> {
  const db = new PoolManager(dsn, { fallbackMaster: true, poolOptions: { max: 4 } })
  await db.ready()
  const [master, replica] = [drizzle(db.master), drizzle(db.replica)]
  return {
    read: async () => {
      const [row] = await replica.execute<{ port: number }>(sql`select current_setting('port')::int as port`)
      return row?.port ?? 0
    },
    write: async (id) => {
      const [row] = await master.insert(story).values({ id }).returning({ port: story.port })
      return row?.port ?? 0
    },
    transaction: (id, failure) =>
      master.transaction(async (tx) => {
        await tx.insert(story).values({ id })
        if (failure !== undefined) throw failure
        await tx.insert(story).values({ id: -id })
      }),
    close: () => db.close(),
  }
}

const reason = 'drizzle-orm 0.45 has none for PostgreSQL'
const lacks = { streaming: reason, cancel: reason }
integrationSuite({ name: 'Drizzle (postgres-js)', package: 'drizzle-orm', open, lacks, ownManager: true })
