// Prisma goes on through a failover. Run it, after npm ci in the root, with:
// cd examples/prisma && npm install && npm run generate && npm start
import { PoolManager } from 'hasql/pg'
import { PrismaHasql } from 'hasql/prisma'
import { PgCluster } from 'hasql/testing'
import { PrismaClient } from './generated/client.ts'

await using cluster = await PgCluster.start({ replicas: 2 })
await using db = new PoolManager(cluster.dsn, { fallbackMaster: true })
const adapter = new PrismaHasql(db)
const prisma = new PrismaClient({ adapter }).$extends(adapter.readReplicas())

await prisma.$executeRaw`create table orders (id serial primary key, item text, port int default current_setting('port')::int)`
const wrote = (item: string) => prisma.order.create({ data: { item } })
const reads = () => prisma.$queryRaw`select current_setting('port')::int as port`

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
console.log('All that was ordered:', await prisma.$primary().order.findMany({ orderBy: { id: 'asc' } }))
await prisma.$disconnect()
