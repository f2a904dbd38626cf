import { atMost, atMostMs } from '../../chaos/frame/scenario.ts'
import type { Measure } from '../../chaos/frame/scenario.ts'
import { ask, TIMELINE_SQL } from '../frame/database.ts'
import { freeze, kill, signal } from '../frame/processes.ts'
import type { Scenario } from '../frame/scenario.ts'
import type { Stage } from '../frame/stage.ts'
import type { StackNode } from '../frame/stack.ts'
import { withWords } from '../frame/words.ts'
import { writesOnStale } from './crashes.ts'

/** Two checks, with their limits: by then a replica that cannot be fresh must be out. */
const TWO_CHECKS_MS = 2_500
/** The time from one check to the next, and what one check takes. */
const CHECK_MS = 1_500
/** So long the orphan is watched, with the application at work. */
const ORPHANED_MS = 10_000

/** A promotion behind the manager's back, and how it ended. */
interface Mistake {
  readonly leader: StackNode
  readonly promoted: StackNode
  readonly writableMs: number
  /** When it first answered as a replica again. */
  readonly demotedMs: number
}

/** Promotes a replica; its manager demotes it again, after `heldMs` at the earliest. */
async function promoteByMistake(stage: Stage, heldMs: number): Promise<Mistake> {
  const stack = withWords(stage.stack, 'promote')
  const leader = await stack.leader()
  const promoted = stack.nodes.find(({ name }) => name !== leader.name) ?? leader
  const sinceMs = stage.fault()
  if (heldMs > 0) await freeze(() => promoted.agentPids())
  await stack.promote(promoted)
  const writableMs = await stage.oracle.state(promoted, ['master'], sinceMs)
  if (heldMs > 0) {
    await stage.pause(heldMs - (performance.now() - writableMs))
    signal([...(await promoted.agentPids())].reverse(), 'SIGCONT')
  }
  const overMs = await stage.oracle.state(promoted, ['down', 'replica'], writableMs + 1)
  const demotedMs = await stage.oracle.state(promoted, ['replica'], overMs)
  stage.note(`${promoted.name} was writable for ${((overMs - writableMs) / 1_000).toFixed(1)} s`)
  return { leader, promoted, writableMs: overMs - writableMs, demotedMs }
}

/** When writes were acknowledged by the leader again, after the demotion. */
async function resumed(stage: Stage, { leader, demotedMs }: Mistake): Promise<number> {
  const isBack = ({
    executor,
    startedAtMs,
  }: {
    executor: { server: number } | undefined
    startedAtMs: number
  }): boolean => executor?.server === leader.port && startedAtMs > demotedMs - 2_000
  const write = await stage.application
    .write(`${leader.name} takes writes again`, isBack, 30_000)
    .catch((error: unknown) => {
      throw new Error(
        `${String(error)}; ${stage.view()}; last error: ${String(stage.application.failed.at(-1)?.error)}`,
      )
    })
  return Math.max(0, write.endedAtMs - demotedMs)
}

/**
 * When the claim of the promoted server could end, counted from its demotion: when it had been in recovery for as long as it was writable, and at least
 * for 1 s; or, where its manager took it down before that, when it was back from being rewound, or has been in recovery for that long since.
 */
async function fulfilledMs(stage: Stage, { promoted, writableMs, demotedMs }: Mistake): Promise<number> {
  const needMs = Math.max(1_000, writableMs)
  const own = stage.oracle.states.filter(({ node, atMs }) => node === promoted.name && atMs >= demotedMs)
  const story = own.map(({ state, atMs }) => `${state} after ${((atMs - demotedMs) / 1_000).toFixed(1)} s`)
  if (story.length > 0) stage.note(`from its demotion on it was ${story.join(', ')}`)
  const left = own.find(({ state, atMs }) => state !== 'replica' && atMs > demotedMs)?.atMs ?? Infinity
  if (left - demotedMs >= needMs) return needMs
  const back = own.find(({ state, atMs }) => state === 'replica' && atMs > left)?.atMs ?? performance.now()
  const isRewound = (await ask(promoted, 'select from pg_stat_wal_receiver').catch(() => [])).length > 0
  return back - demotedMs + (isRewound ? 0 : needMs)
}

async function mistaken(stage: Stage, heldMs: number): Promise<readonly Measure[]> {
  const mistake = await promoteByMistake(stage, heldMs)
  const resumedMs = await resumed(stage, mistake)
  const { leader, demotedMs } = mistake
  await stage.pause(2_000)
  const possibleMs = await fulfilledMs(stage, mistake)
  const elsewhere = stage.application.writes.filter(
    ({ executor, startedAtMs }) =>
      executor !== undefined && executor.server !== leader.port && startedAtMs > demotedMs + 100,
  )
  return [
    atMostMs('writes resume after the claim can end', Math.max(0, resumedMs - possibleMs), CHECK_MS),
    atMost('writes elsewhere after the demotion', elsewhere.length, 0),
  ]
}

export const mistakenPromotion: Scenario = {
  name: 'mistaken-promotion',
  says: 'a replica is promoted by mistake; the manager demotes it after about 1.5 s and goes on with its leader',
  run: (stage) => mistaken(stage, 0),
  bars: { firstWriteMs: undefined, interruptions: 2 },
}

export const mistakenPromotionHeld: Scenario = {
  name: 'mistaken-promotion-held',
  says: 'the same, but the mistake is noticed after 6 s only',
  run: (stage) => mistaken(stage, 6_000),
  bars: { firstWriteMs: undefined, interruptions: 2 },
}

/** Longer than a claim can be waited out: it ends when its witness is seen on the leader's timeline again. */
export const mistakenPromotionLong: Scenario = {
  name: 'mistaken-promotion-long',
  says: 'the same, but the mistake is noticed after 32 s only: the leader stays fenced until the other server follows it',
  run: async (stage) => {
    const mistake = await promoteByMistake(stage, 32_000)
    await stage.stack.settle()
    const followsMs = performance.now()
    const resumedMs = mistake.demotedMs + (await resumed(stage, mistake))
    return [atMostMs('writes resume after it follows', Math.max(0, resumedMs - followsMs), CHECK_MS)]
  },
  bars: { firstWriteMs: undefined, interruptions: 2 },
}

export const acceptedLeader: Scenario = {
  name: 'accepted-leader',
  says: 'a replica is promoted by mistake, and its machine dies: the leader stays fenced until an operator accepts it',
  run: async (stage) => {
    const stack = withWords(stage.stack, 'promote', 'startAgent')
    const leader = await stack.leader()
    const promoted = stack.nodes.find(({ name }) => name !== leader.name) ?? leader
    const sinceMs = stage.fault()
    await freeze(() => promoted.agentPids())
    await stack.promote(promoted)
    await stage.writesOn(promoted, sinceMs)
    await kill([...(await promoted.agentPids()), ...(await promoted.serverPids())])
    const deadMs = performance.now()
    await stage.pause(5_000)
    const fenced = writesOnStale(stage, leader, deadMs)
    const host = [...stage.db.topology.hosts.keys()].find((id) => id.endsWith(`:${leader.port}`)) ?? leader.name
    const acceptedMs = performance.now()
    stage.db.acceptMaster(host)
    const write = await stage.application.write(
      `${leader.name} takes writes again`,
      ({ executor, endedAtMs }) => executor?.server === leader.port && endedAtMs > acceptedMs,
    )
    stage.db.acceptMaster(host)
    await stack.startAgent(promoted)
    await stack.settle()
    const backMs = performance.now()
    await stage.application.read(
      `${promoted.name} serves bounded reads again`,
      ({ server, startedAtMs, bounded }) => bounded && server === promoted.port && startedAtMs > backMs,
    )
    return [
      atMost('writes on the fenced leader', fenced, 0),
      atMostMs('writes are taken after it was accepted', write.endedAtMs - acceptedMs, 250),
      atMost('writes on the dismissed server', writesOnStale(stage, promoted, acceptedMs), 0),
    ]
  },
  // The old leader takes writes meanwhile, so nobody looks for another one: the promoted one is found by the next check.
  bars: { firstWriteMs: 1_500, interruptions: 2 },
}

export const orphanedReplica: Scenario = {
  name: 'orphaned-replica',
  says: 'the demoted server stays a replica on a timeline of its own, without a WAL receiver, until its frozen manager thaws and rewinds it',
  run: async (stage) => {
    const { stack } = stage
    const named: { readonly host: string; readonly atMs: number }[] = []
    stage.db.on('replicaDetached', ({ host }) => named.push({ host, atMs: performance.now() }))
    const mistake = await promoteByMistake(stage, 0)
    const { promoted, demotedMs } = mistake
    await freeze(() => promoted.agentPids())
    // Who is diverged is diverged from a master.
    const mastersMs = demotedMs + (await resumed(stage, mistake))
    await stage.pause(TWO_CHECKS_MS + ORPHANED_MS)
    const [state] = await ask<{ receives: boolean }>(
      promoted,
      'select exists (select from pg_stat_wal_receiver) as receives',
    ).catch(() => [])
    const [at] = await ask<{ timeline: number }>(promoted, TIMELINE_SQL).catch(() => [])
    if (state?.receives !== false) throw new Error(`${promoted.name} is no orphan: its manager was faster`)
    stage.note(`the orphan is on timeline ${at?.timeline ?? 0}`)
    const fromMs = demotedMs + TWO_CHECKS_MS
    const untilMs = performance.now()
    const own = stage.application.reads.filter(
      ({ server, startedAtMs, endedAtMs }) => server === promoted.port && startedAtMs > fromMs && endedAtMs < untilMs,
    )
    signal([...(await promoted.agentPids())].reverse(), 'SIGCONT')
    await stack.settle()
    const backMs = performance.now()
    await resumed(stage, mistake)
    await stage.application.read(
      `${promoted.name} serves bounded reads again`,
      ({ server, startedAtMs, bounded }) => bounded && server === promoted.port && startedAtMs > backMs,
    )
    const bounded = own.filter((read) => read.bounded).length
    const namedMs = named.find(({ host }) => host.endsWith(`:${promoted.port}`))?.atMs ?? Infinity
    return [
      atMost('bounded reads from the orphan', bounded, 0),
      atMostMs('it is named, after the leader takes writes', Math.max(0, namedMs - mastersMs), TWO_CHECKS_MS),
    ]
  },
  bars: { firstWriteMs: undefined, interruptions: 3 },
}
