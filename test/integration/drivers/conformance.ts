import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { AccessRefusedError, AcquireAbortedError, AcquireTimeoutError, HostLostError, ManagerClosedError } from 'hasql'
import type { BasePoolManager, ManagerOptions } from 'hasql'
import { FaultProxy } from 'hasql/testing'
import type { PgCluster, PgNode } from 'hasql/testing'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import { eventually, rejection } from '../../support/eventually.ts'
import type { DriverCase } from './driver-case.ts'

const QUICK: ManagerOptions = { refreshDelayMs: 100, refreshTimeoutMs: 300, connectTimeoutMs: 500 }

/** What every driver does alike, on a cluster of a master and one replica that is whole again after each test. */
export function driverConformance<C extends AsyncDisposable>(driver: DriverCase<C>, cluster: () => PgCluster): void {
  describe(driver.name, () => {
    forbidEscapedErrors()
    let db: BasePoolManager<C, unknown>
    let master: PgNode
    let proxies: readonly FaultProxy[] = []

    const open = (max = 2, options: ManagerOptions = {}): BasePoolManager<C, unknown> =>
      driver.open(cluster().dsn, { max, ...options })
    /** The manager behind proxies, the master's first. */
    const openBehindProxies = async (): Promise<FaultProxy> => {
      const first = await FaultProxy.start({ target: master })
      const others = await Promise.all((await cluster().replicas()).map((target) => FaultProxy.start({ target })))
      proxies = [first, ...others]
      await db.close()
      db = driver.open(cluster().dsnOf(...proxies), { ...QUICK, max: 2 })
      await db.ready()
      return first
    }
    const counts = (): { used: number; total: number; waiting: number } => {
      const found = db.metrics().drivers.find(({ state }) => state === 'master')
      if (found === undefined) throw new Error('no master')
      return { used: found.used, total: found.total, waiting: found.waiting }
    }
    const query = driver.query.bind(driver)
    const pidOf = async (connection: C): Promise<number> =>
      Number((await query(connection, 'select pg_backend_pid() as pid'))[0]?.['pid'])
    const terminate = (pid: number): Promise<unknown> => master.query('select pg_terminate_backend($1)', [pid])
    const one = async (role: 'master' | 'replica' = 'master'): Promise<unknown> =>
      role === 'master'
        ? db.withMaster((connection) => query(connection, 'select 1 as one'))
        : db.withReplica((connection) => query(connection, 'select 1 as one'))

    beforeEach(async () => {
      master = await cluster().master()
      // A server goes on with what it runs for a client that is gone.
      await master.query('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [cluster().user])
      db = open()
      await db.ready()
    })
    afterEach(async () => {
      await db.close({ timeoutMs: 0 })
      for (const proxy of proxies) await proxy.close()
      proxies = []
    })

    describe('leases', () => {
      test('one ends with its own release, with the manager, or with its scope', async () => {
        const connection = await db.acquireMaster()
        expect(await query(connection, 'select 1 as one')).toEqual([{ one: 1 }])
        driver.release(connection)
        expect(() => driver.release(connection)).toThrow('released already')
        db.release(await db.acquireMaster())
        {
          await using scoped = await db.acquireMaster()
          expect(counts().used).toBe(1)
          await query(scoped, 'select 1')
        }
        expect(counts()).toEqual({ used: 0, total: 1, waiting: 0 })
      })

      test('leaving a scope after an early release ends nobody else’s', async () => {
        let next: C | undefined
        {
          await using first = await db.acquireMaster()
          driver.release(first)
          next = await db.acquireMaster()
          expect(next).toBe(first)
        }
        expect(counts().used).toBe(1)
        driver.release(next)
      })

      test('a full pool is said to be full, and its waiters are served in order', async () => {
        const held = [await db.acquireMaster(), await db.acquireMaster()]
        const error = await rejection(db.acquireMaster({ timeoutMs: 50 }))
        expect(error).toMatchObject({ name: 'AcquireTimeoutError', reason: 'pool-exhausted' })
        const order: number[] = []
        const waiting = [1, 2, 3].map(async (place) => {
          const connection = await db.acquireMaster()
          order.push(place)
          driver.release(connection)
        })
        expect(counts().waiting).toBe(3)
        for (const connection of held) driver.release(connection)
        await Promise.all(waiting)
        expect(order).toEqual([1, 2, 3])
      })

      test('one given back inside a transaction is closed, and its work undone', async () => {
        await db.withMaster((connection) => query(connection, 'create table if not exists conformance (id int)'))
        const first = await db.acquireMaster()
        const pid = await pidOf(first)
        await query(first, 'begin')
        await query(first, 'insert into conformance values (1)')
        driver.release(first)
        await eventually('its session has ended', async () => {
          const found = await master.query('select 1 from pg_stat_activity where pid = $1', [pid])
          return found.length === 0
        })
        expect(await db.withMaster((connection) => query(connection, 'select * from conformance'))).toEqual([])
      })

      test('the server holds no more sessions than the pool may have', async () => {
        await Promise.all(
          Array.from({ length: 40 }, () => db.withMaster((connection) => query(connection, 'select pg_sleep(0.005)'))),
        )
        expect(counts().total).toBeLessThanOrEqual(2)
        for (const { acquires, releases, used, connectionsAdded, connectionsRemoved, total } of db.metrics().drivers) {
          expect([acquires, connectionsAdded]).toEqual([releases + used, connectionsRemoved + total])
        }
      })

      test('a write token is taken on one', async () => {
        const token = await db.withMaster((connection) => db.writeToken(connection))
        expect(
          await db.withReplica((connection) => query(connection, 'select 1 as one'), { after: token }),
        ).toHaveLength(1)
      })
    })

    test('reads go to the replica, writes to the master', async () => {
      const role = 'select pg_is_in_recovery() as replica'
      expect(await db.withReplica((connection) => query(connection, role))).toEqual([{ replica: true }])
      expect(await db.withMaster((connection) => query(connection, role))).toEqual([{ replica: false }])
    })

    describe('late and given up', () => {
      test('an acquire aborted at any moment leaks nothing', async () => {
        for (let delayMs = 0; delayMs < 24; delayMs += 2) {
          const fresh = open(1)
          await fresh.waitMastersReady()
          const abort = new AbortController()
          const acquiring = fresh.acquireMaster({ signal: abort.signal })
          setTimeout(() => abort.abort(new Error('the user left')), delayMs)
          const outcome = await acquiring.catch((error: unknown) => error)
          if (outcome instanceof Error) expect(outcome).toBeInstanceOf(AcquireAbortedError)
          else driver.release(await acquiring)
          await fresh.withMaster((connection) => query(connection, 'select 1'))
          expect(fresh.metrics().drivers.map(({ used, waiting }) => used + waiting)).toEqual([0, 0])
          await fresh.close()
        }
      })

      test('a connection that comes too late is kept for the next caller', async () => {
        const proxy = await openBehindProxies()
        proxy.delay(20)
        await db.waitNextPoolCheck()
        const error = await rejection(db.acquireMaster({ timeoutMs: 40 }))
        expect(error).toBeInstanceOf(AcquireTimeoutError)
        await eventually('it has come', () => counts().total === 1 && proxy.connections >= 2)
        await one()
        expect(counts()).toEqual({ used: 0, total: 1, waiting: 0 })
      })

      test('a connect that nobody answers is given up in time', async () => {
        const proxy = await openBehindProxies()
        proxy.silent()
        const startMs = performance.now()
        const error = await rejection(db.acquireMaster({ timeoutMs: 400 }))
        expect(error).toBeInstanceOf(AcquireTimeoutError)
        expect(performance.now() - startMs).toBeLessThan(800)
        await proxy.pass()
        await eventually('it works again', async () =>
          one().then(
            () => true,
            () => false,
          ),
        )
      })
    })

    describe('errors', () => {
      test('a wrong statement leaves the lease and its connection as they are', async () => {
        await using connection = await db.acquireMaster()
        expect(await rejection(query(connection, 'select * from nowhere'))).toMatchObject({ code: '42P01' })
        expect(await query(connection, 'select 1 as one')).toEqual([{ one: 1 }])
        driver.release(connection)
        expect(counts()).toEqual({ used: 0, total: 1, waiting: 0 })
      })

      test('a write that is refused as read-only retires the connection', async () => {
        const lease = await db.acquireMaster()
        await query(lease, 'begin read only')
        expect(await rejection(query(lease, 'create table t ()'))).toMatchObject({ code: '25006' })
        await query(lease, 'rollback')
        driver.release(lease)
        await eventually('it is closed', () => counts().total === 0)
        await one()
      })

      test('a wrong password is an access fault at once, and nobody is told the password', async () => {
        const wrong = driver.open(cluster().dsn.replace(`:${cluster().password}@`, ':not-the-secret@'), { max: 1 })
        const error = await rejection(wrong.acquireMaster())
        expect(error).toBeInstanceOf(AccessRefusedError)
        expect(`${String(error)}${JSON.stringify(wrong)}`).not.toContain('not-the-secret')
        await wrong.close()
      })

      test('too many clients on the server is not a dead host', async () => {
        // One session for the probe, one for a lease.
        await master.query(`alter role ${cluster().user} connection limit 2`)
        try {
          const held = await db.acquireMaster()
          expect(await rejection(db.acquireMaster({ timeoutMs: 300 }))).toMatchObject({ reason: 'connect-failed' })
          expect(db.masterPoolCount).toBe(1)
          driver.release(held)
        } finally {
          await master.query(`alter role ${cluster().user} connection limit -1`)
        }
      })
    })

    describe('lost connections', () => {
      test('a backend killed under a lease: the lease is over, and nothing more is done for it', async () => {
        const lease = await db.acquireMaster()
        await query(lease, 'begin')
        await terminate(await pidOf(lease))
        await eventually('it is seen', () => db.isConnectionClosed(lease))
        for (const sql of ['select 1', 'commit']) {
          expect(await rejection(query(lease, sql))).toMatchObject({ name: 'HostLostError', outcome: 'not-executed' })
        }
        await eventually('the lease is over', () => counts().used === 0)
        expect(() => driver.release(lease)).not.toThrow()
        await one()
      })

      test('a backend killed while it works', async () => {
        const lease = await db.acquireMaster()
        const pid = await pidOf(lease)
        const working = rejection(query(lease, 'select pg_sleep(30)'))
        await terminate(pid)
        expect(saidBy(await working)).toBe('57P01')
        await one()
      })

      test('a backend killed in a transaction, while it works', async () => {
        const lease = await db.acquireMaster()
        await query(lease, 'begin')
        const pid = await pidOf(lease)
        const working = rejection(query(lease, 'select pg_sleep(30)'))
        await terminate(pid)
        expect(saidBy(await working)).toBe('57P01')
        expect(await rejection(query(lease, 'commit'))).toMatchObject({
          name: 'HostLostError',
          outcome: 'not-executed',
        })
      })

      test('a lease whose backend died ends although nobody gives it back', async () => {
        const lease = await db.acquireMaster()
        await terminate(await pidOf(lease))
        await eventually('it is reclaimed', () => counts().used === 0)
        expect(() => driver.release(lease)).not.toThrow()
      })

      test('an idle connection that is killed is replaced without an error', async () => {
        const pid = await db.withMaster(pidOf)
        await terminate(pid)
        await eventually('it is gone', () => counts().total === 0)
        await one()
      })

      test('resets, half-closed and closed connections', async () => {
        const proxy = await openBehindProxies()
        const strikes = [
          () => proxy.reset(),
          () => proxy.halfClose('client'),
          () => proxy.halfClose('server'),
          () => proxy.closeConnections(),
        ]
        for (const strike of strikes) {
          const lease = await db.acquireMaster()
          await query(lease, 'select 1')
          const working = rejection(query(lease, 'select pg_sleep(30)'))
          strike()
          expect(await working).toBeInstanceOf(HostLostError)
          await one()
        }
      })

      test('a rejection that means a dead host destroys the connection of with…', async () => {
        expect(
          await rejection(
            db.withMaster((connection) => query(connection, 'select pg_terminate_backend(pg_backend_pid())')),
          ),
        ).toBeInstanceOf(Error)
        await eventually('it is gone', () => counts().total === 0)
        const runs: number[] = []
        const work = async (connection: C): Promise<unknown> => {
          runs.push(1)
          await query(connection, 'begin')
          if (runs.length === 1) await terminate(await pidOf(connection))
          const rows = await query(connection, 'select 1 as one')
          await query(connection, 'commit')
          return rows
        }
        expect(await db.withMaster(work, { retry: true })).toEqual([{ one: 1 }])
        expect(runs).toHaveLength(2)
      })
    })

    describe('hosts', () => {
      test('a silent network: what hangs rejects, and the host comes back', async () => {
        const proxy = await openBehindProxies()
        const lease = await db.acquireMaster()
        proxy.silent()
        expect(await rejection(query(lease, 'select 1'))).toMatchObject({ name: 'HostLostError', outcome: 'unknown' })
        expect(() => driver.release(lease)).not.toThrow()
        await proxy.pass()
        await one()
      })

      test('a frozen server: what hangs rejects, and the server comes back', async () => {
        await openBehindProxies()
        const lease = await db.acquireMaster()
        await master.freeze()
        try {
          expect(await rejection(query(lease, 'select 1'))).toBeInstanceOf(HostLostError)
        } finally {
          master.thaw()
        }
        await one()
      })

      test('a killed server: what runs rejects, and writes go on when it is back', async () => {
        const lease = await db.acquireMaster()
        const working = rejection(query(lease, 'select pg_sleep(30)'))
        await master.kill()
        expect(await working).toBeInstanceOf(HostLostError)
        expect(await rejection(db.acquireMaster({ timeoutMs: 50 }))).toBeInstanceOf(AcquireTimeoutError)
        const waiting = one()
        await master.start()
        await waiting
      })

      test('a host that refuses is passed over for the next one', async () => {
        const proxy = await openBehindProxies()
        const [, replica] = proxies
        replica?.refuse()
        replica?.reset()
        expect(
          await db.withReplica((connection) => query(connection, 'select 1 as one'), { fallbackMaster: true }),
        ).toEqual([{ one: 1 }])
        expect(proxy.connections).toBeGreaterThan(0)
      })

      test('a switchover: leases move to the new master', async () => {
        const port = "select current_setting('port')::int as port"
        const before = await db.withMaster((connection) => query(connection, port))
        await cluster().switchover()
        master = await cluster().master()
        const after = await db.withMaster((connection) => query(connection, port))
        expect([before.length, after]).toEqual([1, [{ port: master.port }]])
        await db.ready()
      })
    })

    describe('closing', () => {
      test('waits for leases, refuses new ones, and cuts off what takes too long', async () => {
        const [quick, slow] = [await db.acquireMaster(), await db.acquireMaster()]
        const cutOff = rejection(query(slow, 'select pg_sleep(30)'))
        const closing = db.close({ timeoutMs: 200 })
        expect(await rejection(db.acquireMaster())).toBeInstanceOf(ManagerClosedError)
        expect(await query(quick, 'select 1 as one')).toEqual([{ one: 1 }])
        driver.release(quick)
        expect(await cutOff).toBeInstanceOf(ManagerClosedError)
        await closing
        expect(db.closed).toBe(true)
        await eventually('no session is left', async () => {
          const [row] = await master.query<{ n: number }>(
            `select count(*)::int as n from pg_stat_activity
             where usename = '${cluster().user}' and query not like '%pg_sleep%'`,
          )
          return row?.n === 0
        })
      })

      test('while connections are being made', async () => {
        const acquiring = [rejection(db.acquireMaster()), rejection(db.acquireReplica())]
        await db.terminate()
        for (const error of await Promise.all(acquiring)) expect(error).toBeInstanceOf(ManagerClosedError)
      })
    })
  })
}

/** The SQLSTATE of a server's last words: some drivers pass them on, others have them as the cause of the loss. */
function saidBy(error: unknown): unknown {
  if (!(error instanceof Error)) return undefined
  return error instanceof HostLostError ? saidBy(error.cause) : Reflect.get(error, 'code')
}
