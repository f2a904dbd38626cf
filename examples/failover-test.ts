// Tests an application's failover against a real PostgreSQL cluster. Run it with: npx tsx examples/failover-test.ts
// In your own project the import is: import { FaultProxy, PgCluster } from 'hasql/testing'
import assert from 'node:assert/strict'
import { Client } from 'pg'
import { FaultProxy, PgCluster } from '../src/testing/index.ts'

/** The application: saves an order on whichever server is the master, for up to ten seconds. */
async function saveOrder(servers: readonly string[], id: number): Promise<void> {
  const end = Date.now() + 10_000
  let last: unknown
  while (Date.now() < end) {
    for (const connectionString of servers) {
      const client = new Client({ connectionString, connectionTimeoutMillis: 500, query_timeout: 500 })
      client.on('error', () => undefined)
      try {
        await client.connect()
        // The outcome of a lost connection is unknown, so trying again has to be harmless.
        await client.query('insert into orders values ($1) on conflict do nothing', [id])
        return
      } catch (error) {
        last = error
      } finally {
        void client.end().catch(() => undefined)
      }
    }
  }
  throw new Error(`Order ${id} could not be saved`, { cause: last })
}

await using cluster = await PgCluster.start({ replicas: 2 })
const servers = cluster.nodes.map((node) => cluster.dsnOf(node))

const admin = new Client(cluster.dsnOf(await cluster.master()))
await admin.connect()
await admin.query('create table orders (id int primary key)')
await admin.end()

async function expectOrders(...ids: readonly number[]): Promise<void> {
  const rows = await (await cluster.master()).query('select id from orders order by id')
  assert.deepEqual(
    rows,
    ids.map((id) => ({ id })),
  )
}

console.log('An order is saved')
await saveOrder(servers, 1)
await expectOrders(1)

console.log('The master dies: the order waits for the new one')
const dead = await cluster.master()
await dead.kill()
const [first] = await Promise.all([cluster.failover(), saveOrder(servers, 2)])
await expectOrders(1, 2)
await dead.rejoin(first.master)

console.log('The master hangs: the connection that hangs is given up')
const frozen = await cluster.master()
await frozen.freeze()
const [second] = await Promise.all([cluster.failover(), saveOrder(servers, 3)])
await expectOrders(1, 2, 3)

console.log('It wakes up and believes to be the master still, until it is told')
frozen.thaw()
await frozen.demote(second.master)
assert.equal((await cluster.replicas()).length, 2)

console.log('The answer is lost on its way: the order is saved once')
await using proxy = await FaultProxy.start({ target: await cluster.master() })
const cut = proxy.when({ direction: 'toServer', pattern: 'insert into orders', then: 'cutReply' })
await saveOrder([cluster.dsnOf(proxy)], 4)
await cut
await expectOrders(1, 2, 3, 4)
console.log('All as it should be')
