import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import type { Branch } from '../../support/fake/history.ts'
import { Stage } from './stage.ts'

forbidEscapedErrors()

const FAILOVERS = 10_000
/** After so many everything has its size: pools, compiled code, hidden classes. */
const WARM = 1_000
const MOST_TURNS = 20_000
const MOST_GROWTH = 3_000_000
/** The model servers remember every timeline, at some 300 bytes each; what lies further back than this is forgotten. */
const BRANCHES_KEPT = 8

/** What is held when nothing is under way. */
interface Holdings {
  readonly timers: number
  readonly sockets: number
  readonly heap: number
}

function heapUsed(): number {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  for (let i = 0; i < 3; i += 1) gc()
  return process.memoryUsage().heapUsed
}

/** The master dies, the next server takes over, the old one comes back as its replica; a write and a read get through. */
async function failOver(stage: Stage): Promise<void> {
  const { cluster, db } = stage
  const { servers, master } = cluster
  const place = servers.findIndex((server) => server === master)
  const next = stage.server((place + 1) % servers.length)
  master?.stop('ECONNRESET', 0)
  cluster.later(3, () => cluster.promote(next, 1))
  if (master !== undefined) cluster.later(5, () => cluster.restartAsReplica(master, next, 5))
  let isDone = false
  const work = async (): Promise<void> => {
    await db.withMaster((client) => client.query('write 1'), { retry: { idempotent: true }, timeoutMs: 20_000 })
    await db.withReplica((client) => client.query('read'), { retry: true, timeoutMs: 20_000 })
    await db.waitAllReady(20_000)
    isDone = true
  }
  const working = work()
  await stage.play(() => isDone, MOST_TURNS)
  await working
  for (const { journal, branch } of servers) {
    journal.length = 0
    forgetBefore(branch)
  }
}

function forgetBefore(branch: Branch): void {
  let oldest: Branch | undefined = branch
  for (let kept = 1; kept < BRANCHES_KEPT; kept += 1) oldest = oldest?.parent
  if (oldest !== undefined) Object.assign(oldest, { parent: undefined })
}

function holdings({ loop, cluster }: Stage): Holdings {
  const sockets = cluster.servers.reduce((sum, { openSockets }) => sum + openSockets, 0)
  return { timers: loop.openTimers, sockets, heap: heapUsed() }
}

test(`I15: after ${FAILOVERS} failovers there is no more of anything than after ${WARM}`, async () => {
  const stage = new Stage({ hosts: 3, capacity: 3 })
  let changes = 0
  stage.db.on('masterChange', () => {
    changes += 1
  })
  await failOver(stage)
  const first = changes
  for (let i = 1; i < WARM; i += 1) await failOver(stage)
  const before = holdings(stage)
  for (let i = WARM; i < FAILOVERS; i += 1) await failOver(stage)
  const after = holdings(stage)
  console.log('before', before, 'after', after)
  expect(changes - first).toBe(FAILOVERS - 1)
  expect(after.timers).toBeLessThanOrEqual(before.timers + 3)
  expect(after.sockets).toBeLessThanOrEqual(before.sockets + 3)
  expect(after.heap - before.heap).toBeLessThan(MOST_GROWTH)
  expect(stage.db.metrics().hasql).toMatchObject({ waiters: 0, acquireTimeouts: 0 })
  const closing = stage.db.close()
  await stage.play(() => stage.db.closed, MOST_TURNS)
  await closing
  expect(stage.leftovers()).toEqual([])
})
