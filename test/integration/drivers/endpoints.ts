import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { BasePoolManager, ManagerOptions } from 'hasql'
import type { PgCluster, PgNode } from 'hasql/testing'
import type { HostDescription } from '../../../src/topology/host-description.ts'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import { eventually } from '../../support/eventually.ts'
import { NameServer } from '../../support/name-server.ts'
import { Relay } from '../../support/relay.ts'
import type { DriverCase } from './driver-case.ts'

/**
 * From the moment at which the endpoint leads to the new master. The stacks hold 1,200 ms on a machine of their own; here other
 * test files run at the same time.
 */
const FIRST_WRITE_MS = 1_500

/**
 * One address in front of several servers, as a proxy, a Kubernetes service or a name in DNS is: it moves for new
 * connections, and leaves those that are open where they are.
 */
export function endpointConformance<C extends AsyncDisposable>(driver: DriverCase<C>, cluster: () => PgCluster): void {
  describe(driver.name, () => {
    forbidEscapedErrors()
    let master: PgNode
    let replica: PgNode
    let other: PgNode
    let names: NameServer
    let relays: Relay[]
    let managers: BasePoolManager<C, unknown>[]

    const relay = async (...args: Parameters<typeof Relay.open>): Promise<Relay> => {
      const opened = await Relay.open(...args)
      relays.push(opened)
      return opened
    }
    const open = (
      places: readonly { readonly host: string; readonly port: number }[],
      options: ManagerOptions = {},
    ): BasePoolManager<C, unknown> => {
      const db = driver.open(cluster().dsnOf(...places), { max: 4, lookup: names.lookup, ...options })
      managers.push(db)
      return db
    }
    const pidBy = async (connection: C): Promise<unknown> =>
      (await driver.query(connection, 'select pg_backend_pid() as pid'))[0]?.['pid']
    const portBy = async (connection: C): Promise<unknown> =>
      (await driver.query(connection, 'select inet_server_port() as port'))[0]?.['port']
    const write = (db: BasePoolManager<C, unknown>): Promise<unknown> =>
      db.withMaster(async (connection) => {
        await driver.query(connection, 'create temporary table if not exists written (id int)')
        return portBy(connection)
      })
    const hostOf = (db: BasePoolManager<C, unknown>): HostDescription | undefined => [...db.topology.hosts.values()][0]

    /** The old master goes on as a replica while the endpoint still leads there, and the probe has connected to it. */
    const switchOverBehind = async (db: BasePoolManager<C, unknown>): Promise<void> => {
      expect(await write(db)).toBe(master.port)
      await replica.promote()
      await master.demote(replica)
      await eventually('the host is known as a replica', () => hostOf(db)?.kind === 'replica')
    }
    /** Runs `act`, and meanwhile counts the probe connections that both servers show. */
    const countingProbes = async <T>(act: () => Promise<T>): Promise<{ result: T; mostProbes: number }> => {
      const sql = "select count(*)::int as count from pg_stat_activity where application_name like '%probe'"
      let [mostProbes, isOver] = [0, false]
      const counting = (async () => {
        while (!isOver) {
          const rows = await Promise.all([master, replica].map((node) => node.query<{ count: number }>(sql)))
          const count = rows.reduce((sum, [row]) => sum + (row?.count ?? 0), 0)
          mostProbes = Math.max(mostProbes, count)
          await pause(20)
        }
      })()
      try {
        return { result: await act(), mostProbes }
      } finally {
        isOver = true
        await counting
      }
    }
    /** Moves an endpoint, and writes as soon as that can be. */
    const expectFollowed = async (db: BasePoolManager<C, unknown>, move: () => void): Promise<void> => {
      let sinceMs = 0
      const { result, mostProbes } = await countingProbes(async () => {
        await pause(1_500)
        sinceMs = performance.now()
        move()
        const port = await write(db)
        return { port, tookMs: performance.now() - sinceMs }
      })
      console.log(
        `${driver.name}: first write ${result.tookMs.toFixed(0)} ms after the move, ${mostProbes} probe connections`,
      )
      expect(result.port).toBe(replica.port)
      expect(result.tookMs).toBeLessThan(FIRST_WRITE_MS)
      expect(mostProbes).toBeLessThanOrEqual(2)
    }

    beforeEach(async () => {
      master = await cluster().master()
      const [first, second] = await cluster().replicas()
      if (first === undefined || second === undefined) throw new Error('no replicas')
      ;[replica, other] = [first, second]
      names = new NameServer()
      relays = []
      managers = []
    })
    afterEach(async () => {
      for (const db of managers) await db.close({ timeoutMs: 0 })
      for (const each of relays) await each.close()
      if ((await master.role()) === 'down') await master.start()
      const leader = await cluster().master()
      for (const node of cluster().nodes)
        if (node !== leader && (await node.role()) !== 'replica') await node.rejoin(leader)
    })

    test('an endpoint that leaves open connections alone is followed to the new master', async () => {
      const endpoint = await relay('127.0.0.1', 0, master)
      const db = open([endpoint])
      await switchOverBehind(db)
      await expectFollowed(db, () => endpoint.lead(replica))
    })

    test('a name that moves while its old address still answers is followed to the new master', async () => {
      const old = await relay('127.0.0.2', 0, master)
      await relay('127.0.0.3', old.port, replica)
      names.set('writer.test', ['127.0.0.2'])
      const db = open([{ host: 'writer.test', port: old.port }])
      await switchOverBehind(db)
      await expectFollowed(db, () => names.set('writer.test', ['127.0.0.3']))
    })

    test('a name that moves from a server that is gone without a word is followed to the new master', async () => {
      const old = await relay('127.0.0.2', 0, master)
      await relay('127.0.0.3', old.port, replica)
      names.set('writer.test', ['127.0.0.2'])
      const db = open([{ host: 'writer.test', port: old.port }])
      expect(await write(db)).toBe(master.port)
      await replica.promote()
      old.fallSilent()
      await eventually('the host is unreachable', () => hostOf(db)?.kind === 'unreachable')
      // A connect that is never answered is given up after a second, and may have begun just before.
      await expectFollowed(db, () => names.set('writer.test', ['127.0.0.3']))
    })

    test('of a writer and a reader endpoint both are followed', async () => {
      const [writer, reader] = [await relay('127.0.0.1', 0, master), await relay('127.0.0.1', 0, replica)]
      const db = open([writer, reader])
      await db.ready()
      await switchOverBehind(db)
      const sinceMs = performance.now()
      writer.lead(replica)
      reader.lead(master)
      // The reader's open connections lead to the new master still: a write may be refused by a new one.
      await eventually('a write', () => write(db).then((port) => port === replica.port, refusal))
      // Two fresh connections, one after the other, have to tell.
      expect(performance.now() - sinceMs).toBeLessThan(FIRST_WRITE_MS)
      // When the writer's check met the old server just before the move, all works over open connections, each name with the other's
      // role, until the server that a new connection reaches tells of its own.
      const isRead = (): Promise<boolean> => db.withReplica(portBy).then((port) => port === master.port)
      await eventually('reads go to the replica', isRead)
    })

    test('a writer and a reader endpoint that change places are told by new connections, though open ones go on', async () => {
      const [writer, reader] = [await relay('127.0.0.1', 0, master), await relay('127.0.0.1', 0, replica)]
      const db = open([writer, reader])
      await db.ready()
      await switchOverBehind(db)
      const kinds = (): readonly string[] => [...db.topology.hosts.values()].map(({ kind }) => kind)
      await eventually('the reader leads to the master', () => kinds().join() === 'replica,master')
      writer.lead(replica)
      reader.lead(master)
      await eventually('each has its own server', async () => {
        await db.withReplica(portBy)
        return kinds().join() === 'master,replica'
      })
      expect(await db.withReplica(portBy)).toBe(master.port)
      expect(await write(db)).toBe(replica.port)
    })

    test('behind one name for many replicas nothing is dropped, and the servers are counted', async () => {
      const endpoint = await relay('127.0.0.1', 0, master)
      const many = await relay('127.0.0.1', 0, replica, other)
      const db = open([endpoint, many])
      await db.ready()
      const read = (): Promise<unknown> => db.withReplica(pidBy)
      const reader = (): HostDescription | undefined => [...db.topology.hosts.values()][1]
      await read()
      const before = await read()
      // A master that is away has fresh connections tried everywhere.
      await master.stop('fast')
      await eventually('both are known', () => reader()?.servers === 2)
      expect(reader()).toMatchObject({ kind: 'replica', generation: 0, endpoint: { mixedAtMs: undefined } })
      expect(await read()).toBe(before)
    })

    test('an endpoint that leads to servers of different roles in turn is known for it', async () => {
      const any = await relay('127.0.0.1', 0, replica)
      const db = open([any])
      db.start()
      await eventually('the replica is reached', () => hostOf(db)?.kind === 'replica')
      any.lead(master)
      await eventually('the master is reached', () => hostOf(db)?.kind === 'master')
      any.lead(replica)
      // Whoever connects anew is led to the replica again.
      await master.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name like '% probe'")
      await eventually('the replica is reached again', () => hostOf(db)?.kind === 'replica')
      await eventually('it has led back', () => hostOf(db)?.endpoint.mixedAtMs !== undefined)
      expect(hostOf(db)?.kind).toBe('replica')
    })
  })
}

/** As an error of the server says it. */
function refusal(error: unknown): boolean {
  expect(error).toHaveProperty('code', '25006')
  return false
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs))
}
