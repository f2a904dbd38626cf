import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { NotWritableError, PoolManager } from 'hasql/pg'
import { PgCluster } from 'hasql/testing'
import type { PgNode } from 'hasql/testing'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import { eventually } from '../../support/eventually.ts'

forbidEscapedErrors()

let cluster: PgCluster
let leader: PgNode
let witness: PgNode
let db: PoolManager

beforeEach(async () => {
  cluster = await PgCluster.start({ replicas: 1 })
  leader = await cluster.master()
  const [first] = await cluster.replicas()
  if (first === undefined) throw new Error('no replica')
  witness = first
  db = new PoolManager(cluster.dsn)
  await db.ready()
  await db.waitNextPoolCheck()
})
afterEach(async () => {
  await db.close({ timeoutMs: 0 })
  await cluster.close()
})

const kindOf = (node: PgNode): string | undefined =>
  [...db.topology.hosts.values()].find(({ hostId }) => hostId.endsWith(`:${node.port}`))?.kind

const portOfMaster = async (timeoutMs: number): Promise<unknown> =>
  (await db.withMaster((c) => c.query('select inet_server_port() as port'), { timeoutMs })).rows[0]

/** What Patroni does to a replica that was promoted behind its back: it restarts it as a standby, on the timeline it made. */
async function demoteToOrphan(node: PgNode): Promise<void> {
  await node.stop('fast')
  writeFileSync(join(node.dataFolder, 'standby.signal'), '')
  await node.start()
}

test('a replica is promoted by mistake beside a living master, and demoted after 1.5 s: writes go on at most 3 s later', async () => {
  const fenced: string[] = []
  db.on('staleMaster', ({ why }) => fenced.push(why))
  await witness.promote()
  await eventually('the leader is fenced', () => kindOf(leader) === 'stale-master')
  await setTimeout(1_500)
  await demoteToOrphan(witness)
  const demotedAtMs = performance.now()
  expect(await portOfMaster(20_000)).toEqual({ port: leader.port })
  expect(performance.now() - demotedAtMs).toBeLessThan(3_000)
  expect(kindOf(witness)).toBe('replica')
  expect(fenced.join()).toMatch(/fenced: 127\.0\.0\.1:\d+ is writable on timeline 2/)
})

test('an operator ends the fence of a witness that is gone; it stays fenced when it comes back', async () => {
  const { port } = leader
  const accepted: unknown[] = []
  db.on('masterAccepted', (record) => accepted.push(record))
  await witness.promote()
  await eventually('the leader is fenced', () => kindOf(leader) === 'stale-master')
  await witness.kill()
  await eventually('the witness is unreachable', () => kindOf(witness) === 'unreachable')
  const refused = await portOfMaster(300).catch((error: unknown) => String(error))
  expect(refused).toMatch(/fenced: 127\.0\.0\.1:\d+, unreachable(?: for \d+ s)?, was last seen writable on timeline 2/)
  expect(() => db.acceptMaster(`127.0.0.1:${witness.port}`)).toThrow(NotWritableError)
  db.acceptMaster(`127.0.0.1:${port}`)
  expect(await portOfMaster(2_000)).toEqual({ port })
  db.acceptMaster(`127.0.0.1:${port}`)
  expect(accepted).toEqual([
    { host: `127.0.0.1:${port}`, dismissed: [{ host: `127.0.0.1:${witness.port}`, timeline: 2 }] },
  ])
  await witness.start()
  await eventually('the witness is back', () => kindOf(witness) === 'stale-master')
  expect(await portOfMaster(2_000)).toEqual({ port })
  await witness.rejoin(leader)
  await eventually('the witness follows', () => kindOf(witness) === 'replica')
  expect(await portOfMaster(2_000)).toEqual({ port })
})

test('a witness that was rewound shows that it gave its timeline up, to a role that may not read the statistics too', async () => {
  await witness.promote()
  await eventually('the leader is fenced', () => kindOf(leader) === 'stale-master')
  // Longer than a mistake: only the rewound witness itself can end its claim.
  await leader.restart('immediate')
  await eventually('the leader is fenced again', () => kindOf(leader) === 'stale-master')
  await witness.rejoin(leader)
  expect(await portOfMaster(10_000)).toEqual({ port: leader.port })
  expect(
    [...db.topology.hosts.values()].every((host) => 'answer' in host && host.answer.receivedTimeline === undefined),
  ).toBe(true)
})
