import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { PgCluster } from '../../../src/testing/index.ts'
import { at, codeOf, expectNothingLeft, openClient, portsOf, rolesOf, runFolderOf } from './support.ts'

let cluster: PgCluster
/** Open all the time, so that the others need no initdb of their own. */
let keeper: PgCluster

beforeAll(async () => {
  keeper = await PgCluster.start({ replicas: 0 })
})

afterAll(async () => {
  const [folder, ports] = [runFolderOf(keeper), portsOf(keeper)]
  await keeper.close()
  await expectNothingLeft(folder, ports)
})

beforeEach(async () => {
  cluster = await PgCluster.start({ replicas: 2 })
  await at(cluster.nodes, 0).query('create table t (i int); grant all on t to app')
})

afterEach(async () => {
  const ports = portsOf(cluster)
  await cluster.close()
  for (const { dataFolder } of cluster.nodes) await expectNothingLeft(dataFolder, ports)
})

/** Writes to the master, and waits until every replica has it. */
async function expectReplicated(i: number): Promise<void> {
  await using app = await openClient(cluster.dsnOf(await cluster.master()))
  await app.client.query('insert into t values ($1)', [i])
  for (const node of await cluster.replicas()) {
    await expect.poll(() => node.query('select i from t where i = $1', [i])).toEqual([{ i }])
  }
}

test('switchover, three times: nothing is lost, everybody follows', async () => {
  for (const [round, name] of ['node2', 'node3', 'node1'].entries()) {
    const to = cluster.nodes.find((node) => node.name === name)
    const { master, promotedInMs } = await cluster.switchover(to)
    expect(master).toBe(to)
    expect(promotedInMs).toBeGreaterThan(0)
    expect(await cluster.master()).toBe(master)
    expect(await cluster.replicas()).toHaveLength(2)
    await expectReplicated(round)
  }
  expect(await at(cluster.nodes, 0).query('select i from t order by i')).toEqual([{ i: 0 }, { i: 1 }, { i: 2 }])
  const { master } = await cluster.switchover()
  expect(master).not.toBe(at(cluster.nodes, 0))
  expect(await codeOf(cluster.switchover(master))).toBe('no error')
})

test('failover after a kill; the dead master comes back as a fresh copy', async () => {
  const old = await cluster.master()
  await old.kill()
  expect(await codeOf(cluster.master())).toBe('ERR_HASQL_TESTING_STATE')
  const { master } = await cluster.failover()
  await expectReplicated(1)
  expect(await old.role()).toBe('down')
  expect(await old.rejoin(master)).toBe('cloned')
  expect(await rolesOf([old])).toEqual({ [old.name]: 'replica' })
  await expectReplicated(2)
})

test('failover from a frozen master, which believes in itself when it is thawed', async () => {
  const old = await cluster.master()
  await old.freeze()
  const { master } = await cluster.failover(at(cluster.nodes, 2))
  expect(master).toBe(cluster.nodes[2])
  await expectReplicated(1)
  old.thaw()
  expect(await old.role()).toBe('master')
  expect(await cluster.master()).toBe(master)
  await old.query('insert into t values (666)')
  await old.demote(master)
  expect(await old.role()).toBe('replica')
  expect(await old.query('select i from t')).toEqual([{ i: 1 }])
  await expectReplicated(2)
})

test('a master stopped cleanly goes on in its own folder', async () => {
  const [old, next] = [at(cluster.nodes, 0), at(cluster.nodes, 1)]
  await old.stop()
  await next.promote()
  expect(await old.rejoin(next)).toBe('followed')
  expect(await at(cluster.nodes, 2).rejoin(next)).toBe('followed')
  await expectReplicated(1)
})

test('replicas that are down or frozen during a failover find the new master later', async () => {
  await cluster.addReplica()
  const [old, next, down, frozen] = cluster.nodes
  await down?.stop()
  await frozen?.freeze()
  await old?.kill()
  await cluster.failover(next)
  await down?.start()
  frozen?.thaw()
  if (cluster.version < 13) await frozen?.restart()
  await expect.poll(() => next?.query('select count(*)::int as n from pg_stat_replication')).toEqual([{ n: 2 }])
  await expectReplicated(1)
})

test('of two masters on one timeline, one becomes a copy of the other', async () => {
  const [first, second, third] = [at(cluster.nodes, 0), at(cluster.nodes, 1), at(cluster.nodes, 2)]
  await first.stop()
  await Promise.all([second.promote(), third.promote()])
  expect(await rolesOf([second, third])).toEqual({ node2: 'master', node3: 'master' })
  await second.query('insert into t values (2)')
  for (let i = 0; i < 50; i += 1) await third.query('insert into t values (3)')
  expect(await second.rejoin(third)).toBe('cloned')
  expect(await second.query('select distinct i from t')).toEqual([{ i: 3 }])
  expect(await first.rejoin(third)).toBe('followed')
  await expectReplicated(4)
})

test('demotion without a successor leaves a cluster without a master', async () => {
  const [first, second] = [at(cluster.nodes, 0), at(cluster.nodes, 1)]
  await first.demote(second)
  expect(await rolesOf(cluster.nodes)).toEqual({ node1: 'replica', node2: 'replica', node3: 'replica' })
  expect(await codeOf(cluster.master())).toBe('ERR_HASQL_TESTING_STATE')
  const { master } = await cluster.failover(second)
  expect(master).toBe(second)
  await expectReplicated(1)
})

test('what cannot be is refused', async () => {
  const [first, second] = [at(cluster.nodes, 0), at(cluster.nodes, 1)]
  expect(await codeOf(cluster.failover(first))).toBe('ERR_HASQL_TESTING_STATE')
  expect(await codeOf(first.rejoin(first))).toBe('ERR_HASQL_TESTING_STATE')
  await second.stop()
  expect(await codeOf(first.rejoin(second))).toBe('ERR_HASQL_TESTING_STATE')
  expect(await codeOf(second.promote())).toBe('ERR_HASQL_TESTING_STATE')
  expect(await codeOf(cluster.switchover(second))).toBe('ERR_HASQL_TESTING_STATE')
  expect(await first.role()).toBe('master')
})
