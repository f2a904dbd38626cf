// Slonik goes on through a failover. Run it, with Node 24 or later, with: npx tsx examples/integrations/slonik.ts
import Cursor from 'pg-cursor'
import { sql } from 'slonik'
import { PoolManager } from 'hasql/pg'
import { createHasqlPool } from 'hasql/slonik'
import { PgCluster } from 'hasql/testing'

await using cluster = await PgCluster.start({ replicas: 2 })
await using db = new PoolManager(cluster.dsn, { fallbackMaster: true })
await db.ready()
const pool = await createHasqlPool(db, { cursor: Cursor })

await pool.query(sql.unsafe`create table orders (id serial primary key, item text not null)`)
const wrote = (item: string): Promise<unknown> =>
  pool.one(sql.unsafe`insert into orders (item) values (${item}) returning item, current_setting('port')::int as port`)
const reads = (): Promise<unknown> => pool.one(sql.unsafe`select current_setting('port')::int as port`)

console.log('Tea was written to the master:', await wrote('tea'))
console.log('A read went to a replica:', await reads())

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
console.log('A read went to the replica that is left:', await reads())
await pool.master.stream(sql.unsafe`select item from orders order by id`, (stream) => {
  stream.on('data', ({ data }) => console.log('An order, from the master:', data))
})
await pool.end()
