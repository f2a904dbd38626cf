// pg-promise goes on through a failover. Run it with: npx tsx examples/integrations/pg-promise.ts
import pgPromise from 'pg-promise'
import { PoolManager } from 'hasql/pg'
import { pgOf, pgPromiseDatabases } from 'hasql/pg-promise'
import { PgCluster } from 'hasql/testing'

const pgp = pgPromise()
await using cluster = await PgCluster.start({ replicas: 2 })
await using db = new PoolManager(cluster.dsn, { pg: pgOf(pgp), fallbackMaster: true })
const { master, replica } = pgPromiseDatabases(pgp, db)

await master.none('create table orders (id serial primary key, item text)')
const wrote = (item: string): Promise<unknown> =>
  master.one("insert into orders (item) values ($1) returning current_setting('port')::int as port", [item])
const reads = (): Promise<unknown> => replica.one("select current_setting('port')::int as port")

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
pgp.end()
