// Knex goes on through a failover. Run it with: npx tsx examples/integrations/knex.ts
import knex from 'knex'
import { knexConfig } from 'hasql/knex'
import { PoolManager } from 'hasql/pg'
import { PgCluster } from 'hasql/testing'

await using cluster = await PgCluster.start({ replicas: 2 })
await using db = new PoolManager(cluster.dsn, { fallbackMaster: true })
await db.ready()
const orm = knex(knexConfig(db))

await orm.schema.createTable('orders', (table) => {
  table.increments('id')
  table.text('item')
})
const wrote = (item: string): Promise<{ port: number }[]> =>
  orm('orders').insert({ item }).returning(orm.raw("current_setting('port')::int as port"))
const reads = (): Promise<{ port: number }[]> => orm.select(orm.raw("current_setting('port')::int as port"))

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
await orm.destroy()
