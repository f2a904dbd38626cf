import { connect, createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PoolManager } from 'hasql/pg'
import { PgCluster } from 'hasql/testing'
import type { PgNode } from 'hasql/testing'
import type { StatusReport } from '../../../src/cli/report.ts'
import { run } from '../../../src/cli/run.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeIo } from '../../support/fake-io.ts'

let cluster: PgCluster
let nodes: readonly [PgNode, PgNode, PgNode]
const endpoints: Server[] = []

beforeAll(async () => {
  cluster = await PgCluster.start({ replicas: 2 })
  const [one, two, three] = cluster.nodes
  if (one === undefined || two === undefined || three === undefined) throw new Error('three nodes are expected')
  nodes = [one, two, three]
})
afterAll(async () => {
  for (const endpoint of endpoints) endpoint.close()
  await cluster.close()
})

async function statusOf(
  dsn: string,
): Promise<{ readonly code: number; readonly report: StatusReport; readonly tookMs: number }> {
  const io = new FakeIo()
  const startMs = performance.now()
  const code = await run(['status', dsn, '--json'], io)
  const report = JSON.parse(io.out.text) as StatusReport
  expect(report.exitCode).toBe(code)
  expect([...new Set(report.reasons.map(({ problem }) => problem))]).toEqual(report.problems)
  return { code, report, tookMs: performance.now() - startMs }
}

/** One port in front of several servers, which get a connection each in turn. */
async function endpointOf(...servers: readonly PgNode[]): Promise<{ host: string; port: number }> {
  let turn = 0
  const endpoint = createServer((client) => {
    const server = servers[turn % servers.length]
    turn += 1
    const upstream = connect(server?.port ?? 0, '127.0.0.1')
    client.on('error', () => undefined).on('close', () => upstream.destroy())
    upstream.on('error', () => undefined).on('close', () => client.destroy())
    client.pipe(upstream).pipe(client)
  })
  endpoints.push(endpoint)
  await new Promise<void>((resolve) => endpoint.listen(0, '127.0.0.1', resolve))
  return { host: '127.0.0.1', port: (endpoint.address() as AddressInfo).port }
}

describe('hasql status', () => {
  test('of an endpoint that leads to a master and a replica ends with 10 and names both', async () => {
    const mixed = await endpointOf(nodes[0], nodes[1])
    const { code, report } = await statusOf(cluster.dsnOf(mixed, nodes[2]))
    expect(report.problems).toContain('mixed-endpoint')
    const reason = report.reasons.find(({ problem }) => problem === 'mixed-endpoint')
    expect(reason?.host).toBe(`127.0.0.1:${mixed.port}`)
    expect(reason?.text).toContain(`127.0.0.1:${nodes[0].port} master`)
    expect(reason?.text).toContain(`127.0.0.1:${nodes[1].port} replica`)
    // The host that the checks reached may have been the replica: then there is no master, which is worse.
    expect([10, 3]).toContain(code)
  })

  test('of an endpoint that leads to several replicas ends with 0', async () => {
    const balanced = await endpointOf(nodes[1], nodes[2])
    const { code, report } = await statusOf(cluster.dsnOf(nodes[0], balanced))
    expect([code, report.problems]).toEqual([0, []])
  })

  test('of a master whose commits wait ends with 9 and says how many wait', async () => {
    await using db = new PoolManager(cluster.dsn)
    await db.withMaster((connection) => connection.query('create table hung (n int)'))
    await nodes[0].setting('synchronous_standby_names', 'nobody')
    await eventually('a commit waits', async () => {
      void db.withMaster((connection) => connection.query('insert into hung values (1)')).catch(() => undefined)
      return (await nodes[0].query("select from pg_stat_activity where wait_event = 'SyncRep'")).length > 0
    })
    const { code, report } = await statusOf(cluster.dsn)
    await nodes[0].setting('synchronous_standby_names', '')
    expect([code, report.problems]).toEqual([9, ['writes-wait']])
    expect(report.reasons[0]?.text).toMatch(
      /^Writes on 127\.0\.0\.1:\d+ hang: \d+ sessions? waits? for a synchronous standby\./,
    )
    await db.terminate()
  })

  test('of a replica that lost its receiver for good ends with 8, and with 0 where it comes back in time', async () => {
    const [row] = await nodes[1].query<{ conninfo: string }>("select current_setting('primary_conninfo') as conninfo")
    const conninfo = row?.conninfo ?? ''
    await nodes[1].setting('primary_conninfo', 'host=127.0.0.1 port=1')
    await eventually('it has no receiver', async () => {
      return (await nodes[1].query('select from pg_stat_wal_receiver')).length === 0
    })
    const lost = await statusOf(cluster.dsn)
    expect([lost.code, lost.report.problems]).toEqual([8, ['replica-not-streaming']])
    expect(lost.report.reasons[0]?.host).toBe(`127.0.0.1:${nodes[1].port}`)
    expect(lost.tookMs).toBeLessThan(3_000 + 6_500)
    const back = statusOf(cluster.dsn)
    setTimeout(() => void nodes[1].setting('primary_conninfo', conninfo), 1_000)
    const found = await back
    expect([found.code, found.report.problems]).toEqual([0, []])
  })
})
