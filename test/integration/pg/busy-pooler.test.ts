import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HostLostError, PoolManager } from 'hasql/pg'
import type { ProbeTarget } from 'hasql/pg'
import { PoolManager as PostgresManager } from 'hasql/postgres'
import { PgCluster } from 'hasql/testing'
import type { PgNode } from 'hasql/testing'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import { eventually } from '../../support/eventually.ts'
import { WirePooler } from '../../support/wire-pooler.ts'

forbidEscapedErrors()

const SERVERS = 5
const CLIENTS = 12

let cluster: PgCluster
let node: PgNode
beforeAll(async () => {
  cluster = await PgCluster.start({ replicas: 0 })
  node = await cluster.master()
})
afterAll(async () => {
  await cluster.close()
})

const pause = (delayMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, delayMs))

interface Application {
  run(sql: string): Promise<unknown>
  ready(): Promise<unknown>
  close(): Promise<void>
  onDown(told: (cause: Error) => void): void
}

const MAKERS: Readonly<Record<string, (dsn: string, probe: ProbeTarget | undefined) => Application>> = {
  pg: (dsn, probe) => {
    const db = new PoolManager(dsn, { poolOptions: { max: 20 }, ...(probe === undefined ? {} : { probe }) })
    return {
      run: (sql) => db.withMaster((connection) => connection.query(sql)),
      ready: () => db.ready(),
      close: () => db.close({ timeoutMs: 1_000 }),
      onDown: (told) => void db.on('hostDown', ({ cause }) => told(cause)),
    }
  },
  postgres: (dsn, probe) => {
    const poolOptions = { max: 20, prepare: false, fetch_types: false }
    const db = new PostgresManager(dsn, { poolOptions, ...(probe === undefined ? {} : { probe }) })
    return {
      run: (sql) => db.withMaster((connection) => connection.unsafe(sql)),
      ready: () => db.ready(),
      close: () => db.close({ timeoutMs: 1_000 }),
      onDown: (told) => void db.on('hostDown', ({ cause }) => told(cause)),
    }
  },
}

/** Twelve clients at work behind a pooler while something happens to it; what failed, and how often the host was taken out. */
async function atWork(
  driver: string,
  isProbed: boolean,
  sql: string,
  during: (pooler: WirePooler, downs: readonly Error[]) => Promise<void>,
) {
  const pooler = await WirePooler.start(cluster.dsnOf(node), SERVERS)
  const db = MAKERS[driver]?.(cluster.dsnOf(pooler), isProbed ? { port: node.port } : undefined)
  if (db === undefined) throw new Error(`no driver ${driver}`)
  const [downs, failed]: [Error[], unknown[]] = [[], []]
  let [isOver, done] = [false, 0]
  db.onDown((cause) => downs.push(cause))
  const work = async (): Promise<void> => {
    while (!isOver) {
      try {
        await db.run(sql)
        done += 1
      } catch (error) {
        failed.push(error)
        await pause(50)
      }
    }
  }
  try {
    await db.ready()
    const clients = Array.from({ length: CLIENTS }, work)
    await during(pooler, downs)
    isOver = true
    await Promise.all(clients)
  } finally {
    await db.close()
    await pooler.close()
  }
  return { downs: downs.map(({ message }) => message), failed, done, logins: pooler.logins }
}

const SETUPS = Object.keys(MAKERS).flatMap((driver) => [
  { driver, isProbed: false, how: 'checks through the pooler' },
  { driver, isProbed: true, how: 'checks past it' },
])

describe('law 12: behind a pooler in transaction mode', () => {
  test.concurrent.each(SETUPS)('queries that queue: $driver, $how: no lease is cut', async ({ driver, isProbed }) => {
    const seen = await atWork(driver, isProbed, 'select pg_sleep(1.5)', () => pause(7_000))
    expect(seen).toMatchObject({ downs: [], failed: [] })
    expect(seen.done).toBeGreaterThan(SERVERS)
  })

  test.concurrent.each(SETUPS)('a pause of 4 s: $driver, $how: no lease is cut', async ({ driver, isProbed }) => {
    const seen = await atWork(driver, isProbed, 'select pg_sleep(0.01)', async (pooler) => {
      await pause(500)
      pooler.pause()
      await pause(4_000)
      pooler.resume()
      await pause(500)
    })
    expect(seen).toMatchObject({ downs: [], failed: [] })
  })
})

describe('a pooler with nobody behind it', () => {
  test.each(Object.keys(MAKERS))(
    '%s: each client fails twice at most, and leases wait for the check',
    async (driver) => {
      const seen = await atWork(driver, false, 'select pg_sleep(0.01)', async (pooler) => {
        await pause(500)
        pooler.loseServer()
        await pause(800)
        pooler.findServer()
        await pause(1_500)
      })
      // Without the wait it is one for each client and 50 ms.
      expect(seen.failed.length).toBeGreaterThan(0)
      expect(seen.failed.length).toBeLessThanOrEqual(2 * CLIENTS)
      expect(seen.done).toBeGreaterThan(CLIENTS)
    },
  )
})

describe('PostgreSQL frozen behind a pooler', () => {
  test.each(Object.keys(MAKERS))('%s: checks past it find it within 3.2 s, and what hangs is cut', async (driver) => {
    let outMs = Infinity
    const seen = await atWork(driver, true, 'select pg_sleep(0.01)', async (_pooler, downs) => {
      await pause(500)
      const startMs = performance.now()
      await node.freeze()
      try {
        await eventually('the host is out', () => downs.length > 0)
        outMs = performance.now() - startMs
      } finally {
        node.thaw()
      }
    })
    expect(outMs).toBeLessThan(3_200)
    expect(seen.failed.some((error) => error instanceof HostLostError)).toBe(true)
  })
})
