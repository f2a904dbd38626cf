import { writeFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { ValueType } from '@opentelemetry/api'
import { AggregationTemporality, DataPointType } from '@opentelemetry/sdk-metrics'
import type { MetricData } from '@opentelemetry/sdk-metrics'
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base'
import * as semconv from '@opentelemetry/semantic-conventions/incubating'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PoolManager } from 'hasql/pg'
import type { Clock, PgManagerOptions } from 'hasql/pg'
import { ms } from 'hasql'
import { PgCluster } from 'hasql/testing'
import type { PgNode } from 'hasql/testing'
import { systemClock } from '../../../src/time/system-clock.ts'
import { ALERTS_FILE, firing, promtool, readAlertRules } from '../../support/alert-rules.ts'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import { eventually } from '../../support/eventually.ts'
import { observers } from '../../support/observed-manager.ts'
import type { Observers } from '../../support/observed-manager.ts'

forbidEscapedErrors()

const CANARY = 'canary-4f:1@b/z'
const FORMS = [CANARY, encodeURIComponent(CANARY), Buffer.from(CANARY).toString('base64')]
const QUICK: PgManagerOptions = { refreshDelayMs: 100, refreshTimeoutMs: 1_000, connectTimeoutMs: 1_000 }

/** OpenTelemetry's semantic conventions 1.45, "Database client metrics": instrument, unit, attributes. */
const CONVENTION: Readonly<Record<string, readonly ['updown' | 'counter' | 'histogram', string, readonly string[]]>> = {
  'db.client.connection.count': ['updown', '{connection}', ['pool.name', 'state']],
  'db.client.connection.idle.max': ['updown', '{connection}', ['pool.name']],
  'db.client.connection.idle.min': ['updown', '{connection}', ['pool.name']],
  'db.client.connection.limit': ['updown', '{connection}', ['pool.name']],
  'db.client.connection.pending_requests': ['updown', '{request}', ['pool.name']],
  'db.client.connection.timeouts': ['counter', '{timeout}', ['pool.name']],
  'db.client.connection.create_time': ['histogram', 's', ['pool.name']],
  'db.client.connection.wait_time': ['histogram', 's', ['pool.name']],
  'db.client.connection.use_time': ['histogram', 's', ['pool.name']],
}

let cluster: PgCluster
let db: PoolManager
let seen: Observers
const lines: string[] = []
let aheadMs = 0

beforeAll(async () => {
  cluster = await PgCluster.start({ replicas: 2, password: CANARY })
  const log = (line: string): void => void lines.push(line)
  // A clock that can be put on: nobody waits half a minute for a replica to fall behind.
  const clock: Clock = { ...systemClock, nowMs: () => ms(systemClock.nowMs() + aheadMs) }
  db = new PoolManager(cluster.dsn, {
    ...QUICK,
    clock,
    poolOptions: { max: 2 },
    logger: { debug: log, info: log, warn: log, error: log },
  })
  seen = observers(db)
  await db.ready()
})
afterAll(async () => {
  await seen[Symbol.asyncDispose]()
  await db.terminate()
  await cluster.close()
})

async function cast(): Promise<readonly [master: PgNode, heir: PgNode, other: PgNode]> {
  const [heir, other] = await cluster.replicas()
  if (heir === undefined || other === undefined) throw new Error('two replicas are needed')
  return [await cluster.master(), heir, other]
}

const stateOf = (node: PgNode): string | undefined =>
  db.metrics().drivers.find(({ host }) => host.endsWith(`:${node.port}`))?.state

/** Raises the rules on what is exported now; where there is promtool, it must find the same. */
async function alerts(): Promise<readonly string[]> {
  const page = await seen.page()
  const found = firing(await seen.scrape())
  expect(promtool(['check', 'metrics'], page)?.said ?? '').not.toMatch(/error/i)
  const judged = await judgedByPromtool(found)
  expect(judged?.said ?? 'SUCCESS').toContain('SUCCESS')
  return found
}

/** `promtool test rules`, with what is exported now as the one sample of each series. */
async function judgedByPromtool(expected: readonly string[]): Promise<ReturnType<typeof promtool>> {
  const series = (await seen.page())
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ series: line.replace(/ [^ ]+$/, ''), values: `${line.replace(/^.* /, '')}x10` }))
  const families = await seen.scrape()
  const folder = mkdtempSync(join(tmpdir(), 'hasql-rules-'))
  try {
    const checks = readAlertRules().map(({ alert, expression }) => {
      const isFiring = expected.includes(alert)
      return { expr: `count(${expression}) > 0 or vector(0)`, eval_time: '5m', isFiring }
    })
    expect(families.length).toBeGreaterThan(20)
    const tests = {
      rule_files: [join(process.cwd(), ALERTS_FILE)],
      evaluation_interval: '1m',
      tests: [
        {
          interval: '1m',
          input_series: series,
          promql_expr_test: checks.map(({ expr, eval_time, isFiring }) => ({
            expr: `(${expr}) > bool 0`,
            eval_time,
            exp_samples: [{ labels: '{}', value: isFiring ? 1 : 0 }],
          })),
        },
      ],
    }
    const file = join(folder, 'tests.yml')
    // JSON is YAML.
    writeFileSync(file, JSON.stringify(tests))
    return promtool(['test', 'rules', file])
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('every rule has an alert of its own, and promtool reads them', () => {
  expect(readAlertRules().map(({ alert }) => alert)).toEqual([
    'HasqlNoMaster',
    'HasqlSplitBrain',
    'HasqlStaleMaster',
    'HasqlReplicaLag',
    'HasqlPoolSaturated',
    'HasqlSyncWait',
  ])
  const checked = promtool(['check', 'rules', ALERTS_FILE])
  expect(checked?.said ?? '6 rules found').toContain('6 rules found')
})

test('a healthy cluster raises none', async () => {
  await db.withMaster((connection) => connection.query('create table t (id int)'))
  for (let count = 0; count < 20; count += 1) await db.withReplica((connection) => connection.query('select 1'))
  expect(await alerts()).toEqual([])
})

test('callers who wait for a full pool', async () => {
  const held = [await db.acquireMaster(), await db.acquireMaster()]
  const waiting = [db.acquireMaster(), db.acquireMaster()]
  expect(await alerts()).toEqual(['HasqlPoolSaturated'])
  for (const each of held) each.release()
  for (const each of waiting) (await each).release()
  await eventually('nobody waits', async () => (await alerts()).length === 0)
})

test('a replica that falls behind', async () => {
  const [, heir] = await cast()
  await heir.pauseReplay()
  await db.withMaster((connection) => connection.query('insert into t select generate_series(1, 1000)'))
  await eventually('the lag is seen', () => db.metrics().drivers.some(({ lagBytes = 0 }) => lagBytes > 0))
  aheadMs += 45_000
  await eventually('the replica is seen to be behind', async () => firing(await seen.scrape()).length > 0)
  expect(await alerts()).toEqual(['HasqlReplicaLag'])
  await heir.resumeReplay()
  await eventually('it has caught up', async () => (await alerts()).length === 0)
})

test('commits that wait for a synchronous standby', async () => {
  const [master] = await cast()
  await master.setting('synchronous_standby_names', 'nobody')
  await eventually('a commit waits', async () => {
    void db.withMaster((connection) => connection.query('insert into t values (0)')).catch(() => undefined)
    return (await master.query("select from pg_stat_activity where wait_event = 'SyncRep'")).length > 0
  })
  await eventually('it is seen', () => db.metrics().drivers.some(({ syncWaitMs }) => syncWaitMs > 0))
  aheadMs += 6_000
  expect(await alerts()).toContain('HasqlSyncWait')
  await master.setting('synchronous_standby_names', '')
  await eventually('it is over', async () => (await alerts()).length === 0)
})

test('a failover: no master, then another one, and a split brain and a stale master after it', async () => {
  const [master, heir, other] = await cast()
  const failovers = db.metrics().hasql.failovers
  await master.stop('immediate')
  await eventually('the master is missed', () => db.masterPoolCount === 0)
  const write = db.withMaster((connection) => connection.query('select inet_server_port() as port'), {
    timeoutMs: 30_000,
  })
  expect(await alerts()).toEqual(['HasqlNoMaster'])
  expectConvention(await seen.collect())
  expect(db.metrics().hasql.currentOutageMs).toBeGreaterThan(0)
  await heir.promote()
  expect((await write).rows).toEqual([{ port: heir.port }])
  expect(await alerts()).toEqual([])

  await other.promote()
  await eventually('the rival is seen', () => stateOf(other) === 'rival-master')
  expect(await alerts()).toEqual(['HasqlSplitBrain'])
  await other.stop('immediate')
  await master.start()
  await eventually('the old master is seen', () => stateOf(master) === 'stale-master')
  expect(await alerts()).toEqual(['HasqlStaleMaster'])

  const { hasql } = db.metrics()
  expect(hasql.failovers - failovers).toBe(1)
  const scraped = Object.fromEntries((await seen.scrape()).map((family) => [family.name, family]))
  expect(scraped.hasql_failovers_total?.samples).toEqual([{ labels: {}, value: hasql.failovers }])
  expect(scraped.hasql_outage_seconds_total?.samples[0]?.value).toBeCloseTo(hasql.outageMs / 1_000)
  expectSpans(seen.spans(), heir)
})

test('the convention is what its own package says', () => {
  const namesOf = (prefix: string): readonly string[] =>
    Object.entries(semconv)
      .filter(([key]) => key.startsWith(prefix))
      .map(([, name]) => String(name))
  // `max` is the deprecated name of `limit`.
  const metrics = namesOf('METRIC_DB_CLIENT_CONNECTION_').filter((name) => name !== 'db.client.connection.max')
  expect(metrics.sort()).toEqual(Object.keys(CONVENTION).sort())
  const attributes = new Set(Object.values(CONVENTION).flatMap(([, , names]) => names))
  expect(namesOf('ATTR_DB_CLIENT_CONNECTION_')).toEqual([...attributes].map((name) => `db.client.connection.${name}`))
  expect(namesOf('DB_CLIENT_CONNECTION_STATE_VALUE_')).toEqual(['idle', 'used'])
})

test('an export has the names, units and attributes of the convention, and the figures of metrics()', async () => {
  const exported = await seen.collect()
  expectConvention(exported)
  const { drivers, hasql } = db.metrics()
  for (const { host, used, waitTime, useTime, createTime } of drivers) {
    const pool = `${host}/app`
    expect(pointsOf(exported, 'db.client.connection.count', pool)).toEqual(expect.arrayContaining([used]))
    for (const [name, times] of Object.entries({ wait_time: waitTime, use_time: useTime, create_time: createTime })) {
      const [value] = pointsOf(exported, `db.client.connection.${name}`, pool)
      expect(value).toMatchObject({ count: times.count })
      const { buckets, sum } = value as { buckets: { boundaries: number[]; counts: number[] }; sum: number }
      expect(sum).toBeCloseTo(times.sumMs / 1_000)
      expect(buckets.counts).toHaveLength(buckets.boundaries.length + 1)
      expect(buckets.counts.reduce((total, count) => total + count, 0)).toBe(times.count)
    }
  }
  const failovers = exported.find(({ descriptor }) => descriptor.name === 'hasql.failover.count')
  expect(failovers?.dataPoints.map(({ value }) => value)).toEqual([hasql.failovers])
})

test('a scrape has the figures of metrics()', async () => {
  const families = await seen.scrape()
  const { drivers } = db.metrics()
  for (const { host, waitTime, acquires } of drivers) {
    const ofHost = ({ labels }: { labels: Readonly<Record<string, string>> }): boolean => labels.host === host
    const found = families.find(({ name }) => name === 'hasql_connection_wait_seconds')
    expect(found?.type).toBe('HISTOGRAM')
    expect(found?.counts.find(ofHost)?.value).toBe(waitTime.count)
    expect(found?.sums.find(ofHost)?.value).toBeCloseTo(waitTime.sumMs / 1_000)
    const buckets = new Map(found?.buckets.filter(ofHost).map(({ labels, value }) => [labels.le, value]))
    for (const { upToMs, count } of waitTime.buckets) expect(buckets.get(String(upToMs / 1_000))).toBe(count)
    expect(buckets.get('+Inf')).toBe(waitTime.count)
    expect(buckets.size).toBe(waitTime.buckets.length + 1)
    expect(families.find(({ name }) => name === 'hasql_acquires_total')?.samples.find(ofHost)?.value).toBe(acquires)
  }
  for (const { name, type, help } of families) {
    expect(name).toMatch(type === 'COUNTER' ? /^hasql_\w+_total$/ : /^hasql_\w+(?<!_total)$/)
    expect(help).toMatch(/^[1A-Z].*\.$/)
  }
})

test('the log has a line for each change, and none for a connection', () => {
  const about = (words: RegExp): number => lines.filter((line) => words.test(line)).length
  expect(about(/the master is 127\.0\.0\.1:\d+ now/)).toBe(1)
  expect(about(/no master is known/)).toBe(1)
  expect(about(/split brain/), lines.join('\n')).toBe(1)
  expect(about(/stale master/)).toBe(1)
  expect(lines.length).toBeLessThan(60)
})

test('nothing that is exported, logged or told shows the password', async () => {
  const wrong = new PoolManager(cluster.dsn.replace('canary', 'canary-wrong'), QUICK)
  await using alsoSeen = observers(wrong)
  await wrong.ready({ timeoutMs: 300 }).catch(() => undefined)
  await wrong.acquireMaster({ timeoutMs: 300 }).catch(() => undefined)
  const depth = { depth: 12, showHidden: true, maxArrayLength: 500 }
  const shown = [
    lines.join('\n'),
    ...(await Promise.all([seen, alsoSeen].map((each) => each.page()))),
    ...(await Promise.all([seen, alsoSeen].map(async (each) => inspect(await each.collect(), depth)))),
    ...[seen, alsoSeen].map((each) => inspect(each.spans(), depth)),
    // The last of each kind: a message has the whole topology in it.
    ...[seen, alsoSeen].flatMap((each) => each.messages.slice(-200).map((message) => inspect(message, depth))),
  ]
  await wrong.close()
  expect(seen.messages.length).toBeGreaterThan(100)
  expect(alsoSeen.spans().length).toBeGreaterThan(0)
  for (const text of shown) for (const form of [...FORMS, 'canary-wrong']) expect(text).not.toContain(form)
})

/** Every metric that the convention has is there as it says, and none of its names is used for anything else. */
function expectConvention(exported: readonly MetricData[]): void {
  const found = exported.filter(({ descriptor }) => descriptor.name.startsWith('db.'))
  expect(found.map(({ descriptor }) => descriptor.name).sort()).toEqual(Object.keys(CONVENTION).sort())
  const pools = new Set(cluster.nodes.map(({ host, port }) => `${host}:${port}/${cluster.database}`))
  for (const metric of found) {
    const { name, unit } = metric.descriptor
    const [instrument, wantedUnit, attributes] = CONVENTION[name] ?? ['counter', '', []]
    expect(unit, name).toBe(wantedUnit)
    expect(metric.aggregationTemporality, name).toBe(AggregationTemporality.CUMULATIVE)
    expect(metric.dataPointType, name).toBe(instrument === 'histogram' ? DataPointType.HISTOGRAM : DataPointType.SUM)
    if (metric.dataPointType === DataPointType.SUM) expect(metric.isMonotonic, name).toBe(instrument === 'counter')
    else expect(metric.descriptor.valueType).toBe(ValueType.DOUBLE)
    const wanted = attributes.map((each) => `db.client.connection.${each}`).sort()
    for (const point of metric.dataPoints) expect(Object.keys(point.attributes).sort(), name).toEqual(wanted)
    const named = metric.dataPoints.map((point) => point.attributes['db.client.connection.pool.name'])
    expect(new Set(named), name).toEqual(pools)
  }
  const count = exported.find(({ descriptor }) => descriptor.name === 'db.client.connection.count')
  const states = count?.dataPoints.map((point) => point.attributes['db.client.connection.state'])
  expect(new Set(states)).toEqual(new Set(['idle', 'used']))
}

function pointsOf(exported: readonly MetricData[], name: string, pool: string): unknown[] {
  const points: readonly { attributes: object; value: unknown }[] =
    exported.find(({ descriptor }) => descriptor.name === name)?.dataPoints ?? []
  return points
    .filter(({ attributes }) => Reflect.get(attributes, 'db.client.connection.pool.name') === pool)
    .map(({ value }) => value)
}

function expectSpans(spans: readonly ReadableSpan[], heir: PgNode): void {
  const failover = spans.filter(({ name }) => name === 'hasql.failover')
  expect(failover).toHaveLength(1)
  expect(failover[0]?.events.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['hasql.host_change', 'hasql.master_change']),
  )
  // The write that waited: for a host nearly all of the time, and then for a connection of it.
  const acquire = spans.find(({ name, events }) => name === 'hasql.acquire' && events.length > 0)
  if (acquire === undefined) throw new Error('no span of an acquire has events')
  expect(acquire.attributes).toMatchObject({
    'db.system.name': 'postgresql',
    'db.namespace': 'app',
    'hasql.role': 'master',
    'server.address': heir.host,
    'server.port': heir.port,
  })
  const parts = spans.filter((span) => span.parentSpanContext?.spanId === acquire.spanContext().spanId)
  expect(parts.map(({ name }) => name)).toEqual(['hasql.wait_for_host', 'hasql.wait_for_connection'])
  const lengths = [acquire, ...parts].map(({ duration: [s, ns] }) => s * 1_000 + ns / 1_000_000)
  expect((lengths[1] ?? 0) + (lengths[2] ?? 0)).toBeCloseTo(lengths[0] ?? 0, 1)
  expect(acquire.events.map(({ attributes }) => attributes?.['hasql.master.after'])).toContain(
    `${heir.host}:${heir.port}`,
  )
}
