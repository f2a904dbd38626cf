// Sequelize goes on through a failover. Run it with: npx tsx examples/integrations/sequelize.ts
import pg from 'pg'
import { DataTypes, QueryTypes, Sequelize } from 'sequelize'
import { PoolManager } from 'hasql/pg'
import { sequelizeOptions } from 'hasql/sequelize'
import { PgCluster } from 'hasql/testing'

await using cluster = await PgCluster.start({ replicas: 2 })
await using db = new PoolManager(cluster.dsn, { fallbackMaster: true })
const sequelize = new Sequelize({ ...sequelizeOptions(db, pg), logging: false })
const port = Sequelize.literal("current_setting('port')::int")
const Order = sequelize.define(
  'order',
  { item: DataTypes.TEXT, port: { type: DataTypes.INTEGER, defaultValue: port } },
  { timestamps: false },
)

await sequelize.sync()
const wrote = async (item: string): Promise<unknown> => (await Order.create({ item })).get()
const reads = (): Promise<unknown> =>
  sequelize.query("select current_setting('port')::int as port", { type: QueryTypes.SELECT })

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
await sequelize.close()
