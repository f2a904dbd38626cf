import type { PgConnection } from 'hasql/pg'
import type { PgNode } from 'hasql/testing'
import { AcquireTimeoutError, HostLostError, PoolManager, TokenUnreachableError } from 'hasql/pg'
import { atLeast, atMost } from '../frame/scenario.ts'
import type { Measure, Outcome, Scenario } from '../frame/scenario.ts'
import { Stage, pause } from '../frame/stage.ts'
import { CREATE_NOTES, TokenReaders } from '../frame/token-readers.ts'
import type { TokenRead } from '../frame/token-readers.ts'
import { failures } from './master-gone.ts'

/** R19 and R20: replicas that fall behind, and replicas that end what stands in the way of replay. */
export const replicas: readonly Scenario[] = [
  { row: 'R19', name: 'replay paused and resumed', run: replayPaused },
  { row: 'R19', name: 'reads after tokens, over a failover', run: tokensOverFailover },
  { row: 'R20', name: 'recovery conflicts on a replica', run: conflicts },
]

/** A replica that applies nothing is well for those who did not ask for more; how far it is can be seen. */
async function replayPaused(): Promise<Outcome> {
  await using stage = await Stage.open()
  const [master, behind, other] = await stage.cast()
  const lsn = (node: PgNode): bigint => {
    const state = stage.stateOf(node)
    return ('answer' in state ? state.answer.lsn : undefined) ?? 0n
  }
  const tokens = await readAfterTokens(stage)
  const startMs = performance.now()
  await behind.pauseReplay()
  // The server says that it will pause, and does so with the next record that it looks at.
  const pausedMs = performance.now() + 20
  await stage.db.waitNextPoolCheck()
  const [standsAt, masterAt] = [lsn(behind), lsn(master)]
  await pause(500)
  await stage.db.waitNextPoolCheck()
  const [stood, went] = [lsn(behind) - standsAt, lsn(master) - masterAt]
  const reads = stage.workload.reads.filter(
    ({ server, startedAtMs }) => server === behind.port && startedAtMs > startMs,
  )
  const target = lsn(master)
  // Nobody has it now but the master.
  const bothMs = performance.now()
  await other.pauseReplay()
  await pause(1_000)
  const resumedMs = performance.now()
  await Promise.all([behind.resumeReplay(), other.resumeReplay()])
  await stage.db.waitNextPoolCheck()
  await tokens.stop()
  const failed = failures(stage, startMs)
  const unseen = (served: readonly TokenRead[]): readonly TokenRead[] =>
    served.filter(({ writtenAtMs }) => writtenAtMs >= pausedMs)
  const measures = [
    atMost('bytes applied while paused, as seen', Number(stood), 0),
    atLeast('bytes written by the master meanwhile, as seen', Number(went), 1_000),
    atLeast('reads it served', reads.length, 10),
    atLeast('caught up when resumed, as seen', lsn(behind) >= target ? 1 : 0, 1),
    atMost('failed operations', failed.writes + failed.reads, 0),
    atMost('hosts taken out', stage.watch.hostDowns.length, 0),
    atMost('reads after a token that did not see the write', tokens.stale, 0),
    atMost('of them served where replay stood still', unseen(tokens.servedBy(behind.port, pausedMs, bothMs)).length, 0),
    atLeast('served by the other replica meanwhile', tokens.servedBy(other.port, startMs, bothMs).length, 20),
    atLeast('served by the master while both stood still', tokens.servedBy(master.port, bothMs, resumedMs).length, 20),
    atMost('that failed', tokens.reads.filter(({ error }) => error !== undefined).length, 0),
  ]
  const { violations } = await stage.finish()
  return { measures, violations, notes: [] }
}

/** Half of the clients let the master serve their reads; all write, and read after the token of that, all the time. */
async function readAfterTokens({ cluster, db }: Stage): Promise<TokenReaders> {
  const master = await cluster.master()
  await master.query(CREATE_NOTES)
  await master.query(`grant all on notes to ${cluster.user}`)
  await master.query(`grant pg_read_all_stats to ${cluster.user}`)
  await pause(300)
  return new TokenReaders(db, 4)
}

/** The master is lost with what it has written last; nobody reads past a write that may be gone. */
async function tokensOverFailover(): Promise<Outcome> {
  await using stage = await Stage.open()
  const [master, heir, other] = await stage.cast()
  const tokens = await readAfterTokens(stage)
  await pause(500)
  await Promise.all([heir.pauseReplay(), other.pauseReplay()])
  await pause(300)
  await master.kill()
  await Promise.all([heir.resumeReplay(), other.resumeReplay()])
  await stage.cluster.failover(heir)
  await stage.workload.backOn(heir.port, performance.now())
  await pause(1_000)
  await stage.retire(master)
  await master.rejoin(heir)
  await stage.db.ready()
  const wholeMs = performance.now()
  await pause(1_000)
  await tokens.stop()
  const fresh = tokens.reads.filter(({ startedAtMs }) => startedAtMs > wholeMs)
  const measures = [
    atMost('reads after a token that did not see the write', tokens.stale, 0),
    atLeast('reads after a token that saw it', tokens.reads.filter(({ sees }) => sees === true).length, 100),
    atLeast('of them on a replica of the new timeline', fresh.filter(({ server }) => server !== heir.port).length, 20),
    atMost('refused for what was written after the failover', fresh.filter(isRefused).length, 0),
    atMost('failed with what a token does not fail with', tokens.unexpected.length, 0),
  ]
  const { violations } = await stage.finish()
  const refused = tokens.reads.filter(isRefused).length
  const late = tokens.count(AcquireTimeoutError)
  const notes = [`${refused} reads were refused because the write may be lost, ${late} waited in vain`]
  return { measures, violations, notes }
}

const isRefused = ({ error }: TokenRead): boolean => error instanceof TokenUnreachableError

async function conflicts(): Promise<Outcome> {
  await using stage = await Stage.open({ cluster: { replicas: 1, settings: { max_standby_streaming_delay: 0 } } })
  const master = await stage.cluster.master()
  await master.query('create table conflicted as select generate_series(1, 1000) as n')
  await master.query(`grant all on conflicted to ${stage.cluster.user}`)
  await master.query('create database doomed')
  await pause(300)
  const [startMs, downs] = [performance.now(), stage.watch.hostDowns.length]
  const measures: Measure[] = []
  const expectCode = async (what: string, wanted: string, conflict: Promise<unknown>): Promise<void> => {
    const code = await conflict.then(() => 'no error', codeOf)
    measures.push(atLeast(`${what}: ${wanted} (was ${code})`, code === wanted ? 1 : 0, 1))
  }
  const running = stage.db.withReplica(
    (connection) => connection.query('select count(*), pg_sleep(5) from conflicted'),
    WAIT,
  )
  await expectCode('a running query in the way', '40001', Promise.all([running, vacuum(master)]))
  const idle = stage.db.withReplica((connection) => ended(connection, () => holdSnapshot(connection, master)), WAIT)
  await expectCode('an idle transaction in the way', '40001', idle)
  await expectCode('its database dropped', '57P04', sessionOfDropped(stage, master))
  const failed = failures(stage, startMs)
  measures.push(
    atMost('failed operations of others', failed.writes + failed.reads, 0),
    atMost('hosts taken out', stage.watch.hostDowns.length - downs, 0),
    atMost('roles changed', stage.watch.masterChanges.length - 1, 0),
  )
  const { violations } = await stage.finish()
  return { measures, violations, notes: [] }
}

const WAIT = { timeoutMs: 5_000 }

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof HostLostError && error.cause !== undefined) return codeOf(error.cause)
  const code: unknown = 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : error.message
}

/** Removes rows that a snapshot on the replica may still see. */
async function vacuum(master: PgNode): Promise<void> {
  await pause(200)
  await master.query('update conflicted set n = n + 1')
  await master.query('vacuum conflicted')
}

/** Rejects with what the server says when it ends the session because of what is done; rejects in 5 s if it does not. */
async function ended(connection: PgConnection, work: () => Promise<void>): Promise<never> {
  const end = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(new Error('the session was not ended')), 5_000)
    connection.once('error', (error: Error) => {
      clearTimeout(timer)
      reject(error)
    })
  })
  const [never] = await Promise.all([end, work()])
  return never
}

async function holdSnapshot(connection: PgConnection, master: PgNode): Promise<void> {
  await connection.query('begin isolation level repeatable read')
  await connection.query('select count(*) from conflicted')
  await vacuum(master)
}

/** A manager of its own, for a database that is dropped while a session of the replica is in it. */
async function sessionOfDropped({ cluster }: Stage, master: PgNode): Promise<void> {
  const [replica] = await cluster.replicas()
  if (replica === undefined) throw new Error('The cluster has no replica')
  const db = new PoolManager(cluster.dsnOf(replica).replace(/[^/]+$/, 'doomed'))
  try {
    const drop = async (): Promise<void> => {
      await master.query('drop database doomed')
    }
    await db.withReplica((connection) => ended(connection, drop), WAIT)
  } finally {
    await db.close({ timeoutMs: 0 })
  }
}
