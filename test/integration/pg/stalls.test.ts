import { afterAll, beforeAll, expect, test } from 'vitest'
import { PoolManager } from 'hasql/pg'
import type { PgManagerOptions } from 'hasql/pg'
import { FaultProxy, PgCluster } from 'hasql/testing'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'

forbidEscapedErrors()

let cluster: PgCluster
beforeAll(async () => {
  cluster = await PgCluster.start({ replicas: 2 })
})
afterAll(async () => {
  await cluster.close()
})

/** Keeps the event loop from doing anything else, as a long computation does. */
function block(forMs: number): void {
  const endMs = performance.now() + forMs
  while (performance.now() < endMs);
}

const pause = (delayMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, delayMs))

interface Rhythm {
  readonly blocks: number
  readonly blockMs: number
  readonly everyMs: number
}

/** A writer and two readers at work while the event loop is blocked again and again. */
async function blockedAtWork(dsn: string, options: PgManagerOptions, { blocks, blockMs, everyMs }: Rhythm) {
  await using db = new PoolManager(dsn, options)
  await db.ready()
  const told: string[] = []
  db.on('hostDown', ({ host, cause }) => told.push(`hostDown ${host}: ${cause.message}`))
  db.on('roleChange', ({ host }) => told.push(`roleChange ${host}`))
  db.on('masterChange', ({ after }) => told.push(`masterChange ${after}`))
  const failed: unknown[] = []
  let [done, busy] = [0, true]
  const work = async (readOnly: boolean): Promise<void> => {
    while (busy) {
      try {
        await db.withConnection({ readOnly }, (c) => c.query('select 1'))
        done += 1
      } catch (error) {
        failed.push(error)
      }
      await pause(5)
    }
  }
  const workers = [work(false), work(true), work(true)]
  for (let count = 0; count < blocks; count += 1) {
    // Not in step with the checks, so that blocks begin at every moment of a round.
    await pause(everyMs - blockMs + ((37 * count) % 100))
    block(blockMs)
  }
  await pause(100)
  busy = false
  await Promise.all(workers)
  await db.waitNextPoolCheck()
  const { hasql, drivers } = db.metrics()
  const removed = drivers.reduce((sum, { connectionsRemoved }) => sum + connectionsRemoved, 0)
  return { seen: { told, failed, removed }, done, hasql }
}

const NOTHING = { told: [], failed: [], removed: 0 }
const WELL = { masters: 1, replicas: 2, failovers: 0, outageMs: 0, acquireTimeouts: 0 }

test('law 13: blocks of 2 s every 5 s, twice the default deadline, cost no host, no failover and no connection', async () => {
  const rhythm = { blocks: 2, blockMs: 2_000, everyMs: 5_000 }
  const { seen, done, hasql } = await blockedAtWork(cluster.dsn, {}, rhythm)
  expect(seen).toEqual(NOTHING)
  expect(hasql).toMatchObject(WELL)
  expect(done).toBeGreaterThan(100)
})

test('nor do many that are twice as long as a short deadline, over a slow network, and they are counted', async () => {
  const proxies = await Promise.all(cluster.nodes.map((target) => FaultProxy.start({ target })))
  for (const proxy of proxies) proxy.delay(20)
  const options = { refreshDelayMs: 50, refreshTimeoutMs: 100, acquireTimeoutMs: 500 }
  try {
    const rhythm = { blocks: 15, blockMs: 200, everyMs: 400 }
    const { seen, done, hasql } = await blockedAtWork(cluster.dsnOf(...proxies), options, rhythm)
    expect(seen).toEqual(NOTHING)
    expect(hasql).toMatchObject(WELL)
    expect(hasql.stalls).toBeGreaterThan(0)
    expect(done).toBeGreaterThan(100)
  } finally {
    for (const proxy of proxies) await proxy.close()
  }
})
