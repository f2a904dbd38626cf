import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { AcquireTimeoutError, PoolManager, TokenUnavailableError, TokenUnreachableError } from 'hasql/pg'
import type { PgConnection, PgManagerOptions, ReplicaOptions } from 'hasql/pg'
import { PgCluster } from 'hasql/testing'
import type { PgNode } from 'hasql/testing'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import { eventually } from '../../support/eventually.ts'
import { waitForTable } from '../../support/wait-for-table.ts'

forbidEscapedErrors()

let cluster: PgCluster
let master: PgNode
let one: PgNode
let other: PgNode
let db: PoolManager

beforeEach(async () => {
  cluster = await PgCluster.start({ replicas: 2 })
  master = await cluster.master()
  const [first, second] = await cluster.replicas()
  if (first === undefined || second === undefined) throw new Error('no replicas')
  ;[one, other] = [first, second]
  db = new PoolManager(cluster.dsn)
  await db.ready()
  await db.withMaster((connection) => connection.query('create table t (n int)'))
  // A master that is killed at once would take it along.
  await Promise.all([one, other].map((replica) => waitForTable(replica, 't')))
})
afterEach(async () => {
  await db.close({ timeoutMs: 0 })
  await cluster.close()
})

/** Lets the application's role see which timeline a replica receives. */
async function showTimelines(): Promise<void> {
  await master.query(`grant pg_read_all_stats to ${cluster.user}`)
}

async function write(n: number): Promise<string> {
  return db.withMaster(async (connection) => {
    await connection.query('insert into t values ($1)', [n])
    return db.writeToken(connection)
  })
}

/** Whether a read after the token sees the row, and the port it was made on. */
async function read(n: number, options: ReplicaOptions): Promise<{ sees: boolean; port: number }> {
  return db.withReplica(async (connection: PgConnection) => {
    const sql = "select current_setting('port')::int as port, exists (select from t where n = $1) as sees"
    const { rows } = await connection.query<{ port: number; sees: boolean }>(sql, [n])
    if (rows[0] === undefined) throw new Error('no row')
    return rows[0]
  }, options)
}

async function pauseBoth(): Promise<void> {
  await Promise.all([one.pauseReplay(), other.pauseReplay()])
}

describe.each([
  ['an unprivileged role', () => Promise.resolve()],
  ['a role that may read statistics', showTimelines],
])('read your writes, as %s', (_role, prepare) => {
  beforeEach(prepare)

  test('fault 22: a read after a token sees the write, every time, on a replica', async () => {
    const ports = new Set<number>()
    for (let n = 1; n <= 40; n += 1) {
      const { sees, port } = await read(n, { after: await write(n) })
      expect([n, sees]).toEqual([n, true])
      ports.add(port)
    }
    expect(ports).not.toContain(master.port)
  })

  test('a paused replica is passed over, and waited for when there is no other', async () => {
    await one.pauseReplay()
    expect(await read(1, { after: await write(1) })).toEqual({ sees: true, port: other.port })
    await other.pauseReplay()
    const token = await write(2)
    const early = read(2, { after: token, timeoutMs: 500 })
    await expect(early).rejects.toThrow(AcquireTimeoutError)
    await expect(early).rejects.toThrow(
      /which (?:lacks \d+ bytes of what|is not known to have) the write token|which lacks/,
    )
    const waiting = read(2, { after: token, timeoutMs: 10_000 })
    await one.resumeReplay()
    expect(await waiting).toEqual({ sees: true, port: one.port })
    await other.resumeReplay()
  })

  test('with fallbackMaster the master serves what no replica can', async () => {
    await pauseBoth()
    const startMs = performance.now()
    expect(await read(1, { after: await write(1), fallbackMaster: true })).toEqual({ sees: true, port: master.port })
    expect(performance.now() - startMs).toBeLessThan(500)
  })

  test('a commit that was not waited for is behind the token, too', async () => {
    for (let n = 1; n <= 10; n += 1) {
      const token = await db.withMaster(async (connection) => {
        await connection.query('set synchronous_commit = off')
        await connection.query('insert into t values ($1)', [n])
        return db.writeToken(connection)
      })
      expect(await read(n, { after: token })).toMatchObject({ sees: true })
    }
  })

  test('after a failover a token is good, or is refused, and nobody reads past it', async () => {
    const tokens = [await write(1)]
    await read(1, { after: tokens[0] })
    await pauseBoth()
    tokens.push(await write(2))
    await Promise.all([one.resumeReplay(), other.resumeReplay()])
    tokens.push(await write(3))
    await master.kill()
    await cluster.failover()
    const outcomes = await Promise.all(
      tokens.map((token, index) =>
        read(index + 1, { after: token, fallbackMaster: true, timeoutMs: 10_000 }).catch((error: unknown) => error),
      ),
    )
    expect(outcomes[0]).toMatchObject({ sees: true })
    for (const outcome of outcomes) {
      if (!(outcome instanceof TokenUnreachableError)) expect(outcome).toMatchObject({ sees: true })
    }
    const token = await write(4)
    expect(await read(4, { after: token, fallbackMaster: true })).toMatchObject({ sees: true })
  })

  test('a write that was lost in a failover is never read past', async () => {
    await Promise.all([one.stop(), other.stop()])
    const token = await write(1)
    for (let filling = 0; filling < 5; filling += 1) await write(100 + filling)
    await master.kill()
    await Promise.all([one.start(), other.start()])
    await cluster.failover()
    // Positions beyond that of the token mean nothing: they are of another timeline.
    for (let n = 200; n < 260; n += 1) await write(n)
    const outcome = await read(1, { after: token, timeoutMs: 3_000, fallbackMaster: true }).catch(
      (error: unknown) => error,
    )
    expect(outcome).toBeInstanceOf(TokenUnreachableError)
    await expect(db.acquireMaster({ after: token })).rejects.toThrow(TokenUnreachableError)
  })
})

test('the new timeline of a replica is seen at once by a role that may read statistics', async () => {
  await showTimelines()
  await cluster.switchover()
  await db.ready()
  const token = await write(1)
  const { sees, port } = await read(1, { after: token, timeoutMs: 10_000 })
  expect([sees, port === (await cluster.master()).port]).toEqual([true, false])
})

test('a token is of the timeline that took the write, right after a promotion', async () => {
  await master.kill()
  await cluster.failover()
  expect((await write(1)).split('.')[2]).toBe('2')
})

test('no token of a replica, nor in a transaction', async () => {
  const replica = db.withReplica((connection) => db.writeToken(connection))
  await expect(replica).rejects.toThrow(TokenUnavailableError)
  const early = db.withMaster(async (connection) => {
    await connection.query('begin')
    await connection.query('insert into t values (1)')
    return db.writeToken(connection)
  })
  await expect(early).rejects.toThrow('take the token after the commit')
})

test('fault 21: lag is nothing on an idle master, grows while replay stands still, and bounds keep from it', async () => {
  const quick: PgManagerOptions = { refreshDelayMs: 100, maxReplicaLagMs: 400 }
  await using bounded = new PoolManager(cluster.dsn, quick)
  await bounded.ready()
  const lagOf = (node: PgNode): { bytes: number | undefined; ms: number } | undefined => {
    const host = [...bounded.topology.hosts.values()].find(({ hostId }) => hostId.endsWith(`:${node.port}`))
    return host !== undefined && 'lag' in host ? host.lag : undefined
  }
  await eventually('both are up to date', () => lagOf(one)?.bytes === 0 && lagOf(other)?.bytes === 0)
  await one.pauseReplay()
  await write(1)
  await eventually('the lag grows', () => (lagOf(one)?.ms ?? 0) > 600)
  expect(lagOf(one)?.bytes).toBeGreaterThan(0)
  expect(lagOf(other)).toEqual({ bytes: 0, ms: 0 })
  for (let round = 0; round < 10; round += 1) {
    const port = await bounded.withReplica((connection) => connection.port)
    expect(port).toBe(other.port)
  }
  expect(await bounded.withReplica(({ port }) => port, { maxLagMs: 500 })).toBe(other.port)
  await other.stop()
  await eventually('one is left', () => bounded.replicaPoolCount === 1)
  expect(await bounded.withReplica(({ port }) => port)).toBe(one.port)
  await expect(bounded.acquireReplica({ maxLagMs: 500, timeoutMs: 300 })).rejects.toThrow(
    /with a lag of [\d.]+ s of at most 0.5 s/,
  )
  await expect(bounded.acquireReplica({ maxLagBytes: 0, timeoutMs: 300 })).rejects.toThrow(
    /with a lag of \d+ bytes of at most 0/,
  )
})
