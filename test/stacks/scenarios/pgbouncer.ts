import { HostLostError } from 'hasql'
import { atMost, atMostMs } from '../../chaos/frame/scenario.ts'
import type { Measure } from '../../chaos/frame/scenario.ts'
import { ended, freeze, signal } from '../frame/processes.ts'
import type { Scenario } from '../frame/scenario.ts'
import type { Stage } from '../frame/stage.ts'
import type { StackNode } from '../frame/stack.ts'
import { withWords } from '../frame/words.ts'
import { APPLICATION, runThrough } from '../stacks/run-through.ts'
import { switchover } from './switchover.ts'

/** PgBouncer refuses everybody for a second after its server has refused it; the application's write comes soon after. */
const LOGIN_RETRY_MS = 1_000
const FIRST_WRITE_MS = 250
/** A frozen server is out by then: two missed checks, the pause between them, and what a new connection takes. */
const OUT_MS = 3_200
const PAUSE_MS = 8_000
/** Twelve writers on a pool of five, and nothing else that could hide what becomes of them. */
const CROWD = { writers: 12, transactional: 0, readers: 0, bounded: 0 }
const CROWDED_MS = 20_000

/** What must not come of a server that is well and busy: 0 leases cut, 0 hosts taken out. */
function untouched({ application, watch }: Stage): readonly Measure[] {
  const cut = application.failed.filter(({ error }) => error instanceof HostLostError).length
  return [atMost('leases cut', cut, 0), atMost('hosts taken out', watch.hostDowns.length, 0)]
}

/** Does something at every PgBouncer at once. */
async function everywhere(stage: Stage, command: string): Promise<void> {
  const { nodes, poolers } = withWords(stage.stack, 'poolers')
  await Promise.all(nodes.map((node) => poolers.admin(node, command)))
}

/** The server that the application writes to takes its writes now. */
async function writesGoOn(stage: Stage): Promise<void> {
  await stage.writesOn(await stage.stack.leader(), performance.now())
}

/** One of the replicas. */
async function heirOf({ stack }: Stage, leader: StackNode): Promise<StackNode> {
  const heir = stack.nodes.find(({ name }) => name !== leader.name)
  if (heir === undefined) throw new Error(`${stack.name} has no replica`)
  return heir
}

/** PostgreSQL is restarted in place: its PgBouncer sees it refuse, and waits before it asks again. */
async function restartLeader(stage: Stage): Promise<void> {
  const stack = withWords(stage.stack, 'restart')
  const leader = await stack.leader()
  const sinceMs = stage.fault()
  const restarted = stack.restart(leader)
  await stage.writesAgain(sinceMs)
  await restarted
}

const restart: Scenario = {
  name: 'pgbouncer-restart',
  says: 'the leader behind its PgBouncer is restarted in place (server_login_retry = 1)',
  run: async (stage) => {
    await restartLeader(stage)
    return []
  },
  bars: { firstWriteMs: LOGIN_RETRY_MS + FIRST_WRITE_MS },
}

const loginRetry: Scenario = {
  name: 'pgbouncer-login-retry',
  says: 'the same with server_login_retry = 15, the default: everybody is refused for up to 15 s',
  run: async (stage) => {
    await everywhere(stage, 'SET server_login_retry = 15')
    await restartLeader(stage)
    return []
  },
  bars: { firstWriteMs: 15_000 + LOGIN_RETRY_MS },
}

const killPostmaster: Scenario = {
  name: 'pgbouncer-kill-postmaster',
  says: "SIGKILL to the leader's PostgreSQL behind a PgBouncer that lives; a replica is promoted a second later",
  run: async (stage) => {
    const stack = withWords(stage.stack, 'failover')
    const leader = await stack.leader()
    const sinceMs = stage.fault()
    const pids = await leader.serverPids()
    signal(pids, 'SIGKILL')
    await ended(pids, 5_000)
    await stage.pause(1_000)
    const moved = stack.failover(await heirOf(stage, leader))
    await stage.writesElsewhere(leader, sinceMs)
    await moved
    return []
  },
}

const frozenBehind: Scenario = {
  name: 'pgbouncer-frozen-behind',
  says: "the leader's PostgreSQL stands still behind its PgBouncer for 6 s, and goes on: what waits is answered late",
  run: async (stage) => {
    const leader = await stage.stack.leader()
    stage.fault()
    await freeze(() => leader.serverPids())
    await stage.pause(6_000)
    signal([...(await leader.serverPids())].reverse(), 'SIGCONT')
    await writesGoOn(stage)
    return untouched(stage)
  },
  bars: { firstWriteMs: undefined, interruptions: 0 },
}

const frozenBehindFailover: Scenario = {
  name: 'pgbouncer-frozen-failover',
  says: "the leader's PostgreSQL stands still behind its PgBouncer, is found out past it, and a replica is promoted",
  run: async (stage) => {
    const stack = withWords(stage.stack, 'failover')
    const leader = await stack.leader()
    const host = [...stage.db.topology.hosts].find(([, { kind }]) => kind === 'master')?.[0]
    if (host === undefined) throw new Error('The application knows no master')
    const sinceMs = stage.fault()
    await freeze(() => leader.serverPids())
    const isOut = stage.watch.moment('the host is out', host, ({ kind }) => kind === 'unreachable', { sinceMs })
    const outMs = await isOut
    const moved = stack.failover(await heirOf(stage, leader))
    await stage.writesElsewhere(leader, sinceMs)
    await moved
    return [atMostMs('out', outMs - sinceMs, OUT_MS)]
  },
}

const pause: Scenario = {
  name: 'pgbouncer-pause',
  says: 'PAUSE at every PgBouncer, RESUME 8 s later: maintenance without an error',
  run: async (stage) => {
    stage.fault()
    const paused = everywhere(stage, 'PAUSE')
    await stage.pause(PAUSE_MS)
    await everywhere(stage, 'RESUME')
    // It has waited for those who keep their server, and is told that it was resumed meanwhile.
    await paused.catch(() => undefined)
    await writesGoOn(stage)
    return untouched(stage)
  },
  bars: { interruptions: 0 },
}

const reconnect: Scenario = {
  name: 'pgbouncer-reconnect',
  says: 'RECONNECT at every PgBouncer: each server connection is closed when it is free, and a new one made',
  run: async (stage) => {
    stage.fault()
    await everywhere(stage, 'RECONNECT')
    await stage.pause(3_000)
    await writesGoOn(stage)
    return untouched(stage)
  },
  bars: { interruptions: 0 },
}

const kill: Scenario = {
  name: 'pgbouncer-kill',
  says: "KILL at the leader's PgBouncer cuts every connection of the database, RESUME 3 s later",
  run: async (stage) => {
    const { poolers } = withWords(stage.stack, 'poolers')
    const leader = await stage.stack.leader()
    stage.fault()
    await poolers.admin(leader, 'KILL app')
    await stage.pause(3_000)
    await poolers.admin(leader, 'RESUME app')
    const resumedMs = performance.now()
    // It lets newcomers in when it next looks, every third of a second: what counts is when it lets in anybody.
    await runThrough(poolerPort(stage, leader), APPLICATION, 'select 1', 60_000)
    const letsInMs = performance.now()
    await stage.writesOn(leader, resumedMs)
    const first = await stage.application.write(
      'a write after RESUME',
      ({ executor, endedAtMs }) => executor !== undefined && endedAtMs > resumedMs,
    )
    return [atMostMs("first write after a plain client's first answer", first.endedAtMs - letsInMs, 250)]
  },
  bars: { firstWriteMs: undefined },
}

/** The port of the PgBouncer in front of a server. */
function poolerPort({ db, stack }: Stage, node: StackNode): number {
  return db.dsn.hosts[stack.nodes.findIndex(({ name }) => name === node.name)]?.port ?? 0
}

const fullPool: Scenario = {
  name: 'pgbouncer-full-pool',
  says: "somebody else's transactions hold all five server connections of the leader's PgBouncer for 8 s",
  run: async (stage) => {
    const leader = await stage.stack.leader()
    stage.fault()
    await Promise.all(
      [1, 2, 3, 4, 5].map(() => runThrough(poolerPort(stage, leader), APPLICATION, 'select pg_sleep(8)', 60_000)),
    )
    await writesGoOn(stage)
    return untouched(stage)
  },
  bars: { interruptions: 0 },
}

/** Twelve clients whose statements take a while, on a pool of five: there is always somebody who waits, checks included. */
function busy(busyMs: number): Scenario {
  return {
    name: `pgbouncer-busy-${busyMs}`,
    says: `twelve writers with statements of ${busyMs} ms on a pool of five`,
    run: async (stage) => {
      stage.fault()
      await stage.pause(CROWDED_MS)
      // A writer waits for two others before its turn comes.
      await stage.application.stop()
      await stage.pause(3 * busyMs)
      return untouched(stage)
    },
    clients: { ...CROWD, busyMs },
    bars: { interruptions: 0, firstWriteMs: undefined },
  }
}

/** What runs in every mode when the checks go through PgBouncer too. */
export const THROUGH_SCENARIOS: readonly Scenario[] = [
  switchover,
  restart,
  loginRetry,
  killPostmaster,
  frozenBehind,
  pause,
  reconnect,
  kill,
]

/** What runs in every mode when the checks go past it. */
export const PAST_SCENARIOS: readonly Scenario[] = [switchover, killPostmaster, frozenBehindFailover, pause]

/** What needs clients that share server connections. */
export const SHARING_SCENARIOS: readonly Scenario[] = [fullPool, busy(1_500), busy(3_000)]
