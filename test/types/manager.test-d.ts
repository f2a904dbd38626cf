/* eslint-disable @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-return -- misuse has no type, and is what these tests are about */
/* eslint-disable @typescript-eslint/unbound-method -- types are looked at, nothing is called */
import type pg from 'pg'
import { describe, expectTypeOf, test } from 'vitest'
import { PoolManager } from '../../src/drivers/pg.ts'
import type { PgConnection } from '../../src/drivers/pg.ts'
import type { Lag, ManagerEvents, ManagerMetrics, Topology } from '../../src/index.ts'

declare const db: PoolManager
declare const pool: pg.Pool
declare const client: pg.Client

describe('the manager on pg', () => {
  test('leases pg’s own client, which can be disposed of', () => {
    expectTypeOf(db.acquire()).resolves.toEqualTypeOf<PgConnection>()
    expectTypeOf(db.acquireMaster()).resolves.toEqualTypeOf<PgConnection>()
    expectTypeOf(db.acquireReplica()).resolves.toEqualTypeOf<PgConnection>()
    expectTypeOf<PgConnection>().toExtend<pg.PoolClient>()
    expectTypeOf<PgConnection>().toExtend<AsyncDisposable>()
    expectTypeOf<PgConnection>().not.toBeAny()
  })

  test('a lease and the manager can be taken with await using', async () => {
    await using manager = new PoolManager('postgresql://db1,db2')
    await using connection = await manager.acquireMaster()
    const result = await connection.query<{ n: number }>('select 1 as n')
    expectTypeOf(result.rows).toEqualTypeOf<{ n: number }[]>()
    // @ts-expect-error disposing is asynchronous: `using` alone is not enough
    using _sync = connection
  })

  test('has pg’s own pools', () => {
    expectTypeOf(db.pools).toEqualTypeOf<readonly pg.Pool[]>()
    expectTypeOf(db.getMasterPools()).toEqualTypeOf<readonly pg.Pool[]>()
    expectTypeOf([...db]).toEqualTypeOf<pg.Pool[]>()
    expectTypeOf(db.poolIsMaster).parameters.toEqualTypeOf<[pg.Pool]>()
    // @ts-expect-error the list belongs to the manager
    db.pools.push(pool)
  })

  test('passes on what the function of withMaster returns', () => {
    expectTypeOf(db.withMaster((connection) => connection.query<{ n: number }>('select 1'))).resolves.toEqualTypeOf<
      pg.QueryResult<{ n: number }>
    >()
    expectTypeOf(db.withReplica(() => 5)).resolves.toEqualTypeOf<number>()
    expectTypeOf(db.withConnection({ readOnly: true }, () => 'x')).resolves.toEqualTypeOf<string>()
  })

  test('runs again what may be run again, when asked', () => {
    const fn = (): number => 5
    expectTypeOf(db.withMaster(fn, { retry: true, timeoutMs: 5 })).resolves.toEqualTypeOf<number>()
    expectTypeOf(db.withReplica(fn, { retry: { conflicts: true }, fallbackMaster: true })).resolves.toBeNumber()
    expectTypeOf(db.withConnection({ readOnly: true, retry: { maxAttempts: 3 } }, fn)).resolves.toBeNumber()
    expectTypeOf<ManagerMetrics['hasql']['retries']>().toBeNumber()
    // @ts-expect-error a misspelt key
    void db.withMaster(fn, { retry: { idempotend: true } })
    // @ts-expect-error how often is maxAttempts
    void db.withMaster(fn, { retry: 3 })
    // @ts-expect-error an acquire alone runs nothing
    void db.acquireMaster({ retry: true })
    // @ts-expect-error a choice of replicas is for reads
    void db.withMaster(fn, { retry: true, fallbackMaster: true })
  })

  test('gives back its own connections only', () => {
    // @ts-expect-error a plain client has no lease
    db.release(client)
    // @ts-expect-error a number is no connection
    db.release(5)
  })
})

describe('options', () => {
  test('are exact', () => {
    const dsn = 'postgresql://db1'
    new PoolManager(dsn, { acquireTimeoutMs: 5, poolOptions: { max: 5 }, hosts: { 'db1:5432': { weight: 2 } } })
    new PoolManager([dsn, dsn])
    new PoolManager(dsn, { maxReplicaLagMs: 500, maxReplicaLagBytes: 1_000_000 })
    // @ts-expect-error a bound for all reads is a replica's
    new PoolManager(dsn, { maxLagMs: 500 })
    // @ts-expect-error the option is misspelt
    new PoolManager(dsn, { acquireTimeout: 5 })
    // @ts-expect-error a number, in milliseconds
    new PoolManager(dsn, { acquireTimeoutMs: '5s' })
    // @ts-expect-error leave it out instead
    new PoolManager(dsn, { acquireTimeoutMs: undefined })
    // @ts-expect-error the DSN decides the host
    new PoolManager(dsn, { poolOptions: { host: 'db2' } })
    // @ts-expect-error the DSN is not an option
    new PoolManager({ dsn })
  })

  test('of an acquire are exact', () => {
    void db.acquire({ readOnly: true, fallbackMaster: true, masterAsReplicaWeight: 0.1, timeoutMs: 5 })
    void db.acquireReplica({ signal: AbortSignal.timeout(5) })
    void db.acquireReplica({ maxLagMs: 500, maxLagBytes: 0, after: 'token', fallbackMaster: true })
    void db.acquireMaster({ after: undefined })
    expectTypeOf(db.acquireMaster().then((connection) => db.writeToken(connection))).resolves.toBeString()
    // @ts-expect-error the master is never behind
    void db.acquireMaster({ maxLagMs: 500 })
    // @ts-expect-error a token is a string
    void db.acquireReplica({ after: 5 })
    // @ts-expect-error tokens are taken on leased connections
    void db.writeToken(client)
    // @ts-expect-error a master has no fallback
    void db.acquireMaster({ fallbackMaster: true })
    // @ts-expect-error acquireReplica is read-only by its name
    void db.acquireReplica({ readOnly: false })
    // @ts-expect-error the option is misspelt
    void db.acquire({ readonly: true })
  })
})

describe('the topology', () => {
  test('shows the lag of hosts that answer', () => {
    for (const host of db.topology.hosts.values()) {
      if (!('lag' in host)) continue
      expectTypeOf(host.lag).toEqualTypeOf<Lag | undefined>()
      expectTypeOf<Lag['bytes']>().toEqualTypeOf<number | undefined>()
      expectTypeOf<Lag['ms']>().toEqualTypeOf<number>()
    }
  })
})

describe('events', () => {
  test('have records of their own', () => {
    expectTypeOf(db.on).returns.toEqualTypeOf<() => void>()
    db.on('masterChange', (record) => {
      expectTypeOf(record.before).toEqualTypeOf<ManagerEvents<PgConnection>['masterChange']['before']>()
      expectTypeOf(record.before).toExtend<string | undefined>()
      expectTypeOf(record.epoch).toEqualTypeOf<number>()
    })
    db.on('acquire', ({ connection, waitedMs }) => {
      expectTypeOf(connection).toEqualTypeOf<PgConnection>()
      expectTypeOf(waitedMs).toEqualTypeOf<number>()
    })
    db.on('hostDown', ({ cause }) => expectTypeOf(cause).toEqualTypeOf<Error>())
    // @ts-expect-error there is no such event
    db.on('masterchange', () => undefined)
    // @ts-expect-error the record has no such field
    db.on('release', ({ waitedMs }) => waitedMs)
  })

  test('are these and no others', () => {
    expectTypeOf<keyof ManagerEvents<unknown>>().toEqualTypeOf<
      | 'hostUp'
      | 'hostDown'
      | 'roleChange'
      | 'masterChange'
      | 'staleMaster'
      | 'masterAccepted'
      | 'splitBrain'
      | 'foreignCluster'
      | 'replicaDetached'
      | 'replicaFollows'
      | 'topologyChange'
      | 'acquire'
      | 'release'
      | 'connect'
      | 'acquireTimeout'
      | 'leasesStuck'
      | 'syncWait'
      | 'syncWaitEnded'
    >()
  })
})

describe('what is told cannot be changed', () => {
  test('the topology', () => {
    const topology: Topology = db.topology
    // @ts-expect-error snapshots are immutable
    topology.revision = 5
    // @ts-expect-error the map is read-only
    topology.hosts.clear()
    // @ts-expect-error fencing is the reducer's
    topology.fencing.epoch = 0
    for (const host of topology.hosts.values()) {
      if (host.kind === 'master') expectTypeOf(host.answer.lsn).toEqualTypeOf<bigint | undefined>()
      if (host.kind === 'unreachable') expectTypeOf(host.cause).toEqualTypeOf<Error>()
      // @ts-expect-error only a host that answers has an answer
      expectTypeOf(host.answer).toBeObject()
      // @ts-expect-error roles come from probes
      host.kind = 'master'
    }
  })

  test('metrics, and the manager itself', () => {
    const metrics: ManagerMetrics = db.metrics()
    // @ts-expect-error a copy to read
    metrics.hasql.failovers = 0
    // @ts-expect-error it is derived, so this is refused
    db.masterPoolCount = 1
    // @ts-expect-error it is set once, so this is refused
    db.dsn = new PoolManager('').dsn
    // @ts-expect-error not for callers
    expectTypeOf(db.engine).toBeObject()
  })
})
