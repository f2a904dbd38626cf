import { atMost, atMostMs } from '../../chaos/frame/scenario.ts'
import { freeze, signal } from '../frame/processes.ts'
import type { Scenario } from '../frame/scenario.ts'
import type { Stage } from '../frame/stage.ts'
import type { StackNode } from '../frame/stack.ts'
import { writesOnStale } from './crashes.ts'
import { withWords } from '../frame/words.ts'

/** The application has one check in which it can still take the old leader for the leader. */
const ONE_CHECK_MS = 1_500
const FIRST_WRITE_MS = 250
/** Long enough for a lock of 20 s to run out, and for a promotion. */
const FAILOVER_LIMIT_MS = 90_000

async function thaw(find: () => Promise<readonly number[]>): Promise<void> {
  signal([...(await find())].reverse(), 'SIGCONT')
}

/** After a thaw: the manager sorts things out, with the application at work; then the leader of then takes writes. */
async function sortedOut(stage: Stage): Promise<void> {
  await stage.stack.settle()
  await stage.writesOn(await stage.stack.leader(), performance.now())
}

/** Freezes what is asked for, waits for another leader, thaws in the given way. */
async function failOver(
  stage: Stage,
  stop: (leader: StackNode) => Promise<void>,
  thawIt: (leader: StackNode) => Promise<void>,
): Promise<{ readonly stale: number; readonly tookOverMs: number }> {
  const leader = await stage.stack.leader()
  const sinceMs = stage.fault()
  await stop(leader)
  const era = await stage.writesElsewhere(leader, sinceMs, FAILOVER_LIMIT_MS)
  await stage.pause(3_000)
  await thawIt(leader)
  await stage.pause(500)
  const stale = writesOnStale(stage, leader, era.fromMs + ONE_CHECK_MS)
  await sortedOut(stage)
  return { stale, tookOverMs: era.fromMs }
}

/** The longest time around a moment in which no write was acknowledged, by whichever server. */
function longestGapMs({ application }: Stage, aroundMs: number): number {
  const ends = application.writes
    .filter(({ outcome, endedAtMs }) => outcome === 'acknowledged' && Math.abs(endedAtMs - aroundMs) < 2_500)
    .map(({ endedAtMs }) => endedAtMs)
    .toSorted((one, other) => one - other)
  return ends.slice(1).reduce((longest, endMs, index) => Math.max(longest, endMs - (ends[index] ?? endMs)), 0)
}

export const freezeServer: Scenario = {
  name: 'freeze-server',
  says: "the leader's PostgreSQL stands still for 6 s (SIGSTOP), its manager goes on",
  run: async (stage) => {
    const leader = await stage.stack.leader()
    const sinceMs = stage.fault()
    await freeze(() => leader.serverPids())
    await stage.pause(6_000)
    await thaw(() => leader.serverPids())
    await stage.writesAgain(sinceMs)
    await sortedOut(stage)
    return []
  },
  bars: { interruptions: 2 },
}

export const freezeAgent: Scenario = {
  name: 'freeze-agent',
  says: "the leader's manager stands still until another server leads, its PostgreSQL goes on and stays writable",
  run: async (stage) => {
    const { stale, tookOverMs } = await failOver(
      stage,
      (leader) => freeze(() => leader.agentPids()),
      (leader) => thaw(() => leader.agentPids()),
    )
    return [
      atMost('writes on the stale leader later than one check', stale, 0),
      atMostMs('longest time without a write', longestGapMs(stage, tookOverMs), FIRST_WRITE_MS),
    ]
  },
  // The old leader never stops, so nothing but the next check tells of the new one.
  bars: { interruptions: 2, firstWriteMs: ONE_CHECK_MS },
}

const freezeBothOf = async (leader: StackNode): Promise<void> => {
  await freeze(() => leader.agentPids())
  await freeze(() => leader.serverPids())
}

export const freezeBoth: Scenario = {
  name: 'freeze-both',
  says: "the leader's PostgreSQL and its manager stand still until another server leads, and thaw together",
  run: async (stage) => {
    const { stale } = await failOver(stage, freezeBothOf, async (leader) => {
      await thaw(() => leader.serverPids())
      await thaw(() => leader.agentPids())
    })
    return [atMost('writes on the stale leader later than one check', stale, 0)]
  },
  bars: { interruptions: 2 },
}

export const thawServerFirst: Scenario = {
  name: 'freeze-both-thaw-server-first',
  says: 'the same, but PostgreSQL thaws 2 s before its manager: a stale leader that takes writes',
  run: async (stage) => {
    const { stale } = await failOver(stage, freezeBothOf, async (leader) => {
      await thaw(() => leader.serverPids())
      await stage.pause(2_000)
      await thaw(() => leader.agentPids())
    })
    return [atMost('writes on the stale leader later than one check', stale, 0)]
  },
  bars: { interruptions: 2 },
}

export const frozenStore: Scenario = {
  name: 'frozen-store',
  says: "the manager's store (etcd) stands still until the leader demotes itself, and goes on",
  run: async (stage) => {
    const stack = withWords(stage.stack, 'freezeStore', 'thawStore')
    const leader = await stack.leader()
    const sinceMs = stage.fault()
    await stack.freezeStore()
    const demotedMs = await stage.oracle.state(leader, ['down', 'replica'], sinceMs)
    stage.note(`the leader demoted itself after ${((demotedMs - sinceMs) / 1_000).toFixed(1)} s`)
    await stage.pause(3_000)
    await stack.thawStore()
    await stage.writesAgain(demotedMs)
    await sortedOut(stage)
    return []
  },
}
