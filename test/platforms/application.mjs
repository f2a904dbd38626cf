// An application as it would run in production: told of its hosts, it writes and reads, lives through a failover, and ends by itself.
// Says `ready` before the failover and `done` at its end. Plain JavaScript, for whatever runs or bundles it.
import { setTimeout as sleep } from 'node:timers/promises'
import { HostLostError, PoolManager } from 'hasql/pg'

const db = new PoolManager(process.env['HASQL_DSN'] ?? '', { fallbackMaster: true })
await db.ready()
await db.withMaster((connection) => connection.query('create table story (id int primary key)'))
const write = (id) => db.withMaster((connection) => connection.query('insert into story values ($1)', [id]))
const read = (id) => db.withReplica((connection) => connection.query('select from story where id = $1', [id]))

await write(1)
await db.masterPool.query('insert into story values (2)')
const { rows } = await db.replicaPool.query('select pg_is_in_recovery() as replica')
if (rows[0]?.replica !== true) throw new Error('the read was not made on a replica')
const changes = []
db.on('masterChange', ({ after }) => changes.push(after))
const hung = db.withMaster((connection) => connection.query('select pg_sleep(60)')).catch((error) => error)
console.log('ready')

const error = await hung
if (!(error instanceof HostLostError)) throw new Error(`a statement on a killed master: ${String(error)}`)
await write(3)
if (changes.at(-1) === undefined) throw new Error('there is no new master')
for (let tries = 0; (await read(3)).rowCount === 0; tries += 1) {
  if (tries > 100) throw new Error('the replica does not follow')
  await sleep(50)
}
await db.close()
console.log('done')
