// Drizzle goes on through a failover. Run it with: npx tsx examples/integrations/drizzle.ts
import { sql } from 'drizzle-orm'
import { pgTable, serial, text } from 'drizzle-orm/pg-core'
import { createSession, drizzle } from 'hasql/drizzle'
import { PoolManager } from 'hasql/pg'
import { PgCluster } from 'hasql/testing'

const orders = pgTable('orders', { id: serial().primaryKey(), item: text().notNull() })

await using cluster = await PgCluster.start({ replicas: 2 })
await using db = new PoolManager(cluster.dsn, { fallbackMaster: true })
await db.ready()
const orm = drizzle(db)

await orm.execute(sql`create table orders (id serial primary key, item text not null)`)
const port = sql<number>`current_setting('port')::int`
const wrote = (item: string) => orm.insert(orders).values({ item }).returning({ item: orders.item, port })
const read = async () => (await orm.execute(sql`select ${port} as port`)).rows

console.log('Tea was written to the master:', await wrote('tea'))
console.log('A read went to a replica:', await read())

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
console.log('A read went to the replica that is left:', await read())
console.log('All there is:', await orm.$primary.select({ item: orders.item }).from(orders))

await using session = await createSession(db)
console.log('A session on the master:', (await session.execute(sql`select ${port} as port`)).rows)
