// MikroORM goes on through a failover. Run it with: npx tsx examples/integrations/mikro-orm.ts (Node 22.17 or later)
import { MikroORM, defineEntity, p } from '@mikro-orm/postgresql'
import { createSession, mikroOrmConfig } from 'hasql/mikro-orm'
import { PoolManager } from 'hasql/pg'
import { PgCluster } from 'hasql/testing'

const Order = defineEntity({
  name: 'Order',
  tableName: 'orders',
  properties: {
    id: p.integer().primary().autoincrement(),
    item: p.text(),
    port: p.integer().defaultRaw("current_setting('port')::int"),
  },
})

await using cluster = await PgCluster.start({ replicas: 2 })
await using db = new PoolManager(cluster.dsn, { fallbackMaster: true })
await db.ready()
await using orm = await MikroORM.init({ ...mikroOrmConfig(db), entities: [Order] })

await orm.schema.create()
const wrote = async (item: string) => {
  const em = orm.em.fork()
  const order = em.create(Order, { item })
  await em.flush()
  return { item, port: order.port }
}
const read = () => orm.em.fork().getConnection('read').execute("select current_setting('port')::int as port")

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

await using em = await createSession(db, orm)
console.log('All there is, in a session on the master:', await em.find(Order, {}))
