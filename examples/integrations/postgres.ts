// postgres.js goes on through a failover. Run it with: npx tsx examples/integrations/postgres.ts
import { PoolManager } from 'hasql/postgres'
import { PgCluster } from 'hasql/testing'

await using cluster = await PgCluster.start({ replicas: 2 })
await using db = new PoolManager(cluster.dsn, { fallbackMaster: true })
await db.ready()
const { master, replica } = db

await master`create table orders (id serial primary key, item text not null)`
const port = () => master`current_setting('port')::int as port`
const wrote = (item: string) => master`insert into orders ${master({ item })} returning item, ${port()}`
const read = () => replica`select ${port()}`

console.log('Tea was written to the master:', ...(await wrote('tea')))
console.log('A read went to a replica:', ...(await read()))

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
console.log('Coffee was written to the new master:', ...(await coffee))
console.log('A read went to the replica that is left:', ...(await read()))
console.log('All there is:', ...(await master`select item from orders order by id`))

{
  await using sql = await db.acquireMaster()
  console.log('A connection to the master of its own:', ...(await sql`select ${port()}`))
}
