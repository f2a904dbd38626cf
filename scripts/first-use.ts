/** Programs that use the packed package as its first user would; each throws if it does not find what it expects. */

/** Runs where no other package is; with an argument that is no DSN, it fails. */
export const CORE_ALONE = `
  import { parseDsn } from 'hasql'
  if (parseDsn(process.argv[2] ?? 'host=a').hosts.length !== 1) throw new Error('parseDsn')
`

/** What two entry points export is one and the same, and has its name still; the page is whole. */
export const ONE_OF_EACH = `
  import { createHash } from 'node:crypto'
  import { inspect } from 'node:util'
  import { HasqlError } from 'hasql'
  import { dashboard } from 'hasql/dashboard'
  import { HasqlError as same, PoolManager, UnknownConnectionError } from 'hasql/pg'
  if (HasqlError !== same) throw new Error('HasqlError is there twice')
  const dsn = String(new PoolManager('postgresql://u:p@a,b:1/d').dsn)
  if (dsn !== 'postgresql://u:***@a:1,b:1/d') throw new Error(dsn)
  const error = new UnknownConnectionError('foreign')
  if (error.constructor.name !== 'UnknownConnectionError') throw new Error(error.constructor.name)
  if (!inspect(error).startsWith('UnknownConnectionError')) throw new Error(inspect(error))
  const answer = await dashboard(new PoolManager('host=a')).fetch(new Request('http://localhost/'))
  const script = /<script>([^]*)<\\/script>/.exec(await answer.text())?.[1] ?? ''
  const hash = createHash('sha256').update(script).digest('base64')
  if (!answer.headers.get('content-security-policy')?.includes(hash)) throw new Error('The page is not what was packed')
`

/** Reads through a manager, and kills the master under a statement. */
export const ON_A_CLUSTER = `
  const cluster = await PgCluster.start({ replicas: 1 })
  const db = new PoolManager(cluster.dsn)
  await db.ready()
  const { rows } = await db.withMaster((connection) => connection.query('select 1 as one'))
  const lost = await db.withMaster(async (connection) => {
    const query = connection.query('select pg_sleep(30)').catch((error) => error)
    await (await cluster.master()).kill()
    return query
  })
  if (rows[0].one !== 1 || !(lost instanceof HostLostError)) throw new Error('Not what was expected: ' + String(lost))
  await db.close()
  await cluster.close()
`
