// Kysely goes on through a failover. Run it with: npx tsx examples/integrations/kysely.ts
import { Kysely, sql } from 'kysely'
import type { Generated } from 'kysely'
import { HasqlDialect, createSession, onMaster } from 'hasql/kysely'
import { PoolManager } from 'hasql/pg'
import { PgCluster } from 'hasql/testing'

interface Database {
  orders: { id: Generated<number>; item: string }
}

await using cluster = await PgCluster.start({ replicas: 2 })
await using db = new PoolManager(cluster.dsn, { fallbackMaster: true })
await db.ready()
await using kysely = new Kysely<Database>({ dialect: new HasqlDialect(db) })

await kysely.schema
  .createTable('orders')
  .addColumn('id', 'serial', (column) => column.primaryKey())
  .addColumn('item', 'text', (column) => column.notNull())
  .execute()
const port = sql<number>`current_setting('port')::int`.as('port')
const wrote = (item: string) => kysely.insertInto('orders').values({ item }).returning(['item', port]).execute()

console.log('Tea was written to the master:', await wrote('tea'))
console.log('A read went to a replica:', await kysely.selectNoFrom(port).execute())

console.log('The master is killed and a replica promoted; coffee is ordered meanwhile.')
await (await cluster.master()).kill()
const failover = cluster.failover()
const coffee = (async () => {
  // What is on its way when the master dies fails; what comes after it waits for the new master.
  for (;;) {
    try {
      return await wrote('coffee')
    } catch (error) {
      console.log('Failed, and tried again:', String(error))
    }
  }
})()
const { promotedInMs } = await failover
console.log(`The promotion took ${promotedInMs.toFixed(0)} ms.`)
console.log('Coffee was written to the new master:', await coffee)
console.log('A read went to the replica that is left:', await kysely.selectNoFrom(port).execute())
console.log('All there is:', await kysely.withPlugin(onMaster).selectFrom('orders').select('item').execute())

await using session = await createSession<Database>(db)
console.log('A session on the master:', await session.selectNoFrom(port).execute())
