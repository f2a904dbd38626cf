import { ManagerClosedError } from 'hasql'
import { EscapedErrors } from '../../chaos/frame/escaped.ts'
import { atMost, atMostMs, isKept } from '../../chaos/frame/scenario.ts'
import type { Measure } from '../../chaos/frame/scenario.ts'
import { Watch } from '../../chaos/frame/watch.ts'
import type { Application, Write } from './application.ts'
import { ask, TIMELINE_SQL } from './database.ts'
import type { Door } from './database.ts'
import { openManager } from './drivers.ts'
import type { AnyManager } from './drivers.ts'
import { judge, parseForks } from './judge.ts'
import type { FinalLeader } from './judge.ts'
import type { Era, Oracle } from './oracle.ts'
import type { RunFigures } from './results.ts'
import type { Scenario } from './scenario.ts'
import { APP_NAME } from './stack.ts'
import type { DriverName, Stack, StackNode } from './stack.ts'
import { pause, until } from './waiting.ts'

const ACQUIRE_TIMEOUT_MS = 60_000
const FIRST_WRITE_MS = 250
/** Behind an endpoint: after it leads to the server. */
const FIRST_WRITE_BEHIND_ENDPOINT_MS = 1_200
const LOOK_EVERY_MS = 20
const LOOKS = 4
const ENDPOINT_LIMIT_MS = 30_000
/** The application works for so long before the fault, and after what the scenario waits for. */
const AT_WORK_MS = 500

/** What came of one run. */
export interface RunOutcome {
  readonly figures: RunFigures
  readonly measures: readonly Measure[]
  readonly notes: readonly string[]
  readonly failures: readonly string[]
}

/** What a scenario acts on: a stack that is well, an application at work on it, an oracle that watches every server. */
export class Stage {
  readonly stack: Stack
  readonly driver: DriverName
  /** The manager of the application under test. */
  readonly db: AnyManager
  readonly application: Application
  readonly oracle: Oracle
  readonly watch: Watch
  readonly notes: string[] = []
  /** The first fault's moment, or that of the beginning. */
  faultAtMs: number = performance.now()
  /** How much later than the oracle's own first insert the application's first write ended, of each time it was waited for. */
  readonly firstWritesMs: number[] = []
  #hasFault = false

  constructor(given: Pick<Stage, 'stack' | 'driver' | 'db' | 'application' | 'oracle' | 'watch'>) {
    this.stack = given.stack
    this.driver = given.driver
    this.db = given.db
    this.application = given.application
    this.oracle = given.oracle
    this.watch = given.watch
  }

  pause(delayMs: number): Promise<void> {
    return pause(delayMs)
  }

  /** What helps to read the figures; printed, and in the line of results. */
  note(text: string): void {
    this.notes.push(text)
  }

  /** Says that a fault begins now, and returns the moment. */
  fault(): number {
    const nowMs = performance.now()
    if (!this.#hasFault) this.faultAtMs = nowMs
    this.#hasFault = true
    return nowMs
  }

  /**
   * Resolves when the oracle's insert, and then the application's write, were accepted by that server after a moment. How much later
   * the application's came is the figure `first write`. An era that was there already at that moment counts from it.
   */
  async writesOn(node: StackNode, sinceMs: number, timeoutMs = 60_000): Promise<Era> {
    return this.#back(`${node.name} takes writes`, (era) => era.node === node.name, sinceMs, timeoutMs)
  }

  /** The same for any server but that one. */
  async writesElsewhere(node: StackNode, sinceMs: number, timeoutMs = 60_000): Promise<Era> {
    return this.#back(`another one than ${node.name} takes writes`, (era) => era.node !== node.name, sinceMs, timeoutMs)
  }

  /** The same for any server, after a gap: an era that begins after the moment. */
  async writesAgain(sinceMs: number, timeoutMs = 60_000): Promise<Era> {
    return this.#back('writes are taken again', (era) => era.fromMs > sinceMs, sinceMs, timeoutMs)
  }

  node(name: string): StackNode {
    const node = this.stack.nodes.find((each) => each.name === name)
    if (node === undefined) throw new Error(`There is no node ${name}`)
    return node
  }

  /** What the manager under test holds of its hosts, in a line. */
  view(): string {
    return [...this.db.topology.hosts]
      .map(([id, host]) => `${id} ${host.kind}${'timeline' in host ? ` on ${String(host.timeline)}` : ''}`)
      .join(', ')
  }

  /**
   * When the endpoint in front, if there is one, began to lead there: a proxy that has not noticed yet that the old server is a
   * replica hands connections out to both in turn.
   */
  async #ledTo(port: number): Promise<number> {
    const { endpoint } = this.stack
    if (endpoint === undefined) return 0
    const reachedAtMs: number[] = []
    const look = async (): Promise<number | undefined> => {
      const startedAtMs = performance.now()
      if ((await endpoint.leadsTo()) === port) reachedAtMs.push(startedAtMs)
      else reachedAtMs.length = 0
      return reachedAtMs.length === LOOKS ? reachedAtMs[0] : undefined
    }
    return until(`the endpoint leads to port ${port}`, ENDPOINT_LIMIT_MS, look, LOOK_EVERY_MS)
  }

  async #back(what: string, fits: (era: Era) => boolean, sinceMs: number, timeoutMs: number): Promise<Era> {
    const era = await this.oracle.era(what, (each) => fits(each) && each.untilMs > sinceMs, timeoutMs)
    const { port } = this.node(era.node)
    const fromMs = Math.max(era.fromMs, sinceMs, await this.#ledTo(port))
    const isFirst = (write: Write): boolean =>
      write.executor?.server === port && write.executor.timeline >= era.timeline && write.endedAtMs >= fromMs
    const write = await this.application.write(what, isFirst, 30_000).catch((error: unknown) => {
      const last = this.application.failed.at(-1)?.error
      throw new Error(
        `${error instanceof Error ? error.message : String(error)}; ${this.view()}; last error: ${String(last)}`,
      )
    })
    this.firstWritesMs.push(write.endedAtMs - fromMs)
    return era
  }
}

/** A stack that is up, and the oracle that watches its servers. */
export interface Watched {
  readonly stack: Stack
  readonly oracle: Oracle
}

/** Runs a scenario once on a stack that is up. */
export async function runOnce({ stack, oracle }: Watched, scenario: Scenario, driver: DriverName): Promise<RunOutcome> {
  await stack.settle()
  oracle.beginRun()
  const before = await stack.leader()
  await ask(before, 'truncate writes', { timeoutMs: 10_000 })
  await ask(before, 'truncate oracle', { timeoutMs: 10_000 })
  using escaped = new EscapedErrors()
  const { db, work } = await openManager(driver, named(stack.dsn), {
    acquireTimeoutMs: ACQUIRE_TIMEOUT_MS,
    ...stack.application?.options,
    ...scenario.application?.options,
    ...poolOptions(driver, stack, scenario),
  })
  const watch = new Watch(db)
  const failures: string[] = []
  let measures: readonly Measure[] = []
  let application: Application | undefined
  let stage: Stage | undefined
  try {
    await db.ready({ mastersCount: 1, replicasCount: 0, timeoutMs: 30_000 })
    application = work(scenario.clients ?? {})
    stage = new Stage({ stack, driver, db, application, oracle, watch })
    await stage.writesOn(before, performance.now(), 20_000)
    stage.firstWritesMs.length = 0
    await pause(AT_WORK_MS)
    measures = await scenario.run(stage)
    await pause(AT_WORK_MS)
  } catch (error) {
    failures.push(`broke off: ${told(error)}`)
  }
  await application?.stop()
  await db.close({ timeoutMs: 1_000 }).catch((error: unknown) => failures.push(`close: ${told(error)}`))
  await db.terminate()
  await application?.ended()
  await stack.settle()
  const final = await finalLeader(await stack.leader())
  const verdict = judge(application?.writes ?? [], final, watch.fences())
  const { figures, always } = figuresOf({ scenario, stage, verdict, escaped, hosts: hostsOfServer(stack, db) })
  measures = [...measures, ...always]
  return {
    figures,
    measures,
    notes: [...(stage?.notes ?? []), ...boundedReadsOf(stage), ...errorsOf(stage)],
    failures: [
      ...failures,
      ...measures.filter((measure) => !isKept(measure)).map(missed),
      ...firstOf(verdict.violations.map(({ text }) => text)),
      ...firstOf(watch.wrongLeases),
      ...escaped.caught,
      ...(verdict.acknowledged === 0 ? ['not one write was acknowledged: nothing was tested'] : []),
    ],
  }
}

interface Judged {
  readonly scenario: Scenario
  readonly stage: Stage | undefined
  readonly verdict: ReturnType<typeof judge>
  readonly escaped: EscapedErrors
  readonly hosts: number
}

/** The figures of a run, and the measures that every run must keep. */
function figuresOf({ scenario, stage, verdict, escaped, hosts }: Judged): {
  readonly figures: RunFigures
  readonly always: readonly Measure[]
} {
  const { bars = {} } = scenario
  const usual = stage?.stack.endpoint === undefined ? FIRST_WRITE_MS : FIRST_WRITE_BEHIND_ENDPOINT_MS
  // The server ends what is in flight, and the proxy ends what was sent to the old server since.
  const cuts = stage?.stack.endpoint === undefined ? 1 : 2
  const firstWriteBar = 'firstWriteMs' in bars ? bars.firstWriteMs : usual
  const firstWriteMs = stage === undefined ? undefined : worst(stage.firstWritesMs)
  const kinds = (kind: string): number => verdict.violations.filter((violation) => violation.kind === kind).length
  const figures: RunFigures = {
    firstWriteMs: firstWriteMs === undefined ? undefined : Math.round(firstWriteMs),
    failed: stage?.application.failed.length ?? 0,
    hanging: stage?.application.hanging ?? 0,
    acknowledged: verdict.acknowledged,
    unknown: verdict.unknown,
    lost: kinds('lost'),
    lostByPostgres: verdict.lostByPostgres,
    doubled: kinds('doubled'),
    uncaught: escaped.caught.length,
    probes: worst([...(stage?.oracle.probes.values() ?? [])]) ?? 0,
  }
  const always = [
    ...(firstWriteBar === undefined || firstWriteMs === undefined
      ? []
      : [atMostMs("first write after the oracle's", firstWriteMs, firstWriteBar)]),
    atMost('failed operations', figures.failed, (bars.interruptions ?? 1) * cuts * (stage?.application.loops ?? 0)),
    atMost('operations that hang', figures.hanging, 0),
    atMost('probe connections of one server', figures.probes, (bars.probesPerHost ?? 2) * hosts),
  ]
  return { figures, always }
}

/** How many hosts of the DSN may lead to one server: itself, or every endpoint. */
function hostsOfServer({ nodes }: Stack, { dsn: { hosts } }: AnyManager): number {
  return hosts.every((host) => nodes.some(({ port }) => port === host.port)) ? 1 : hosts.length
}

/** What the leader holds at the end, and which timelines it comes from. */
async function finalLeader(door: Door): Promise<FinalLeader> {
  const rows = await ask<{ id: string; server: number; timeline: number }>(door, 'select * from writes', {
    timeoutMs: 20_000,
  })
  const [{ timeline } = { timeline: 1 }] = await ask<{ timeline: number }>(door, TIMELINE_SQL, { timeoutMs: 10_000 })
  const file = `pg_wal/${timeline.toString(16).toUpperCase().padStart(8, '0')}.history`
  const [history] =
    timeline === 1
      ? []
      : await ask<{ text: string }>(door, 'select pg_read_file($1) as text', { values: [file], timeoutMs: 10_000 })
  return {
    port: door.port,
    timeline,
    rows: rows.map(({ id, server, timeline: on }) => ({ id: Number(id), server, timeline: on })),
    forks: parseForks(history?.text ?? ''),
  }
}

/** How long the reads took that asked for a bound on the lag; one that finds no fresh replica takes the master, or waits. */
function boundedReadsOf(stage: Stage | undefined): readonly string[] {
  const reads = (stage?.application.reads ?? []).filter(({ bounded }) => bounded)
  const tookMs = reads.map(({ startedAtMs, endedAtMs }) => endedAtMs - startedAtMs)
  const longer = [250, 1_000, 3_000].map((limit) => `${tookMs.filter((each) => each > limit).length} over ${limit} ms`)
  const failed = reads.filter(({ error }) => error !== undefined && !(error instanceof ManagerClosedError)).length
  const longest = Math.round(worst(tookMs) ?? 0)
  return [`${reads.length} bounded reads: the longest took ${longest} ms, ${longer.join(', ')}, ${failed} failed`]
}

/** What the failed operations failed with, the most frequent first. */
function errorsOf(stage: Stage | undefined): readonly string[] {
  const counts = new Map<string, number>()
  for (const { error } of stage?.application.failed ?? []) {
    const code = error !== undefined && 'code' in error ? String(error.code) : ''
    const text = `${error?.name ?? ''} ${code}: ${error?.message.slice(0, 90) ?? ''}`
    counts.set(text, (counts.get(text) ?? 0) + 1)
  }
  const sorted = [...counts].sort(([, one], [, other]) => other - one)
  return sorted.slice(0, 4).map(([text, count]) => `${count} × ${text}`)
}

/** The DSN with the application's name, by which the oracle knows its probes. */
function named(dsn: string): string {
  return `${dsn}${dsn.includes('?') ? '&' : '?'}application_name=${APP_NAME}`
}

function poolOptions(driver: DriverName, stack: Stack, scenario: Scenario): Readonly<Record<string, unknown>> {
  const all = { ...stack.application?.poolOptions?.[driver], ...scenario.application?.poolOptions?.[driver] }
  return Object.keys(all).length === 0 ? {} : { poolOptions: all }
}

function worst(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : Math.max(...values)
}

function missed({ name, value, bound, unit, sense }: Measure): string {
  const shown = (each: number): string => `${Math.round(each * 10) / 10}${unit === '' ? '' : ` ${unit}`}`
  return `${name} is ${shown(value)}, but must be ${shown(bound)} at ${sense}`
}

/** Enough to see what is wrong. */
function firstOf(texts: readonly string[]): readonly string[] {
  const more = texts.length - 5
  return more <= 0 ? texts : [...texts.slice(0, 5), `… and ${more} more like it`]
}

/** The message, and where in the scenario it happened: the rest of the stack says nothing more. */
export function told(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const lines = (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at '))
  const place = lines.find((line) => line.includes('/scenarios/')) ?? lines[0] ?? ''
  return `${error.message} (${place.trim().replace(/\(?(?:file:\/\/)?\/\S*\/test\//, '(test/')}`.replace(/\)?$/, ')')
}
