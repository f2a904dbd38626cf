import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { PoolManager } from 'hasql/pg'
import { PgCluster } from 'hasql/testing'
import { eventually } from '../../support/eventually.ts'

/** A cluster of a master and a replica, and a pool manager of it. */
export interface Scene {
  readonly db: PoolManager
  readonly dsn: string
  /** Kills the master and promotes the replica. */
  failOver(): Promise<void>
  /** Runs this on the master, as its owner. */
  setUp(sql: string): Promise<void>
}

/** A test of one package with a failover in it, after which no connection may be held; its title names the version. */
export function recipe(name: string, play: (scene: Scene) => Promise<void>): void {
  test(`${name} ${versionOf(name)} goes on after a failover`, async () => {
    const cluster = await PgCluster.start({ replicas: 1 })
    const db = new PoolManager(cluster.dsn, { fallbackMaster: true })
    try {
      await db.ready()
      await play({
        db,
        dsn: cluster.dsn,
        failOver: async () => {
          const [heir] = await cluster.replicas()
          if (heir === undefined) throw new Error('The cluster has no replica')
          await (await cluster.master()).kill()
          await heir.promote()
        },
        setUp: async (sql) => {
          await (
            await cluster.master()
          ).query(`${sql}; grant all on all tables in schema public to public;
            grant all on all sequences in schema public to public`)
        },
      })
      const used = (): number => db.metrics().drivers.reduce((sum, each) => sum + each.used, 0)
      await eventually('every lease is back', () => used() === 0, 5_000)
    } finally {
      await db.terminate()
      await cluster.close()
    }
  })
}

/** Does it until it succeeds; what is on its way when the master dies fails. Answers with what failed before. */
export async function untilDone(what: () => Promise<unknown>): Promise<readonly unknown[]> {
  const failed: unknown[] = []
  await eventually('it succeeds', async () => {
    try {
      await what()
      return true
    } catch (error) {
      failed.push(error)
      return false
    }
  })
  return failed
}

/** With one connection at a time, at most what was sent to the dead master may fail. */
export function expectAtMostOne(failed: readonly unknown[]): void {
  expect(failed.length, failed.map(String).join('\n')).toBeLessThanOrEqual(1)
}

function versionOf(name: string): string {
  const manifest = new URL(`node_modules/${name}/package.json`, import.meta.url)
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version
}
