import { describe, expect, test } from 'vitest'
import { classifyError } from '../../../src/driver/classify-error.ts'
import { finish } from '../../support/scenario.ts'
import { coded } from '../../support/scripted/coded.ts'
import type { ScriptedConnection } from '../../support/scripted/connection.ts'
import type { Rig } from '../../support/scripted/rig.ts'
import { rig, startedRig } from '../../support/scripted/rig.ts'
import { settled } from '../../support/settled.ts'
import { after, answered, failed, kindsOf, nothingKnown } from '../../support/topology.ts'
import { ERROR_CASES } from './error.cases.ts'
import type { ErrorCase } from './error.cases.ts'

type Phase = 'connect' | 'idle' | 'leased' | 'monitor'

interface Row {
  readonly code: string
  readonly given: ErrorCase
  readonly error: Error
}

const ROWS: readonly Row[] = ERROR_CASES.flatMap((given) =>
  given.codes.map((code) => {
    const { severity } = given
    return { code, given, error: Object.assign(coded(code), severity === undefined ? {} : { severity }) }
  }),
)
const PHASES: readonly Phase[] = ['connect', 'idle', 'leased', 'monitor']

/** A master that answered, with one connection that serves as the test wants. From now on it is silent, so that what an
 * error makes of it stays to be seen. */
async function story(): Promise<Rig> {
  const made = await startedRig({ db1: 'master', db2: 'replica' }, { random: () => 0 })
  await made.clock.advance(500)
  return made
}

function silence({ host }: Rig): void {
  host('db1').trouble = 'silent'
}

function onlyConnection({ host }: Rig): ScriptedConnection {
  const [connection] = host('db1').connections
  if (connection === undefined) throw new Error('there is no connection')
  return connection
}

/** The state, and whether the host was asked since. */
async function judged(made: Rig, asked: number): Promise<string> {
  await made.clock.advance(0)
  const { questions } = made.host('db1')
  return `${kindsOf(made.db.topology).db1 ?? ''}${questions > asked ? ' +probe' : ''}`
}

/** Another life of the server is found by a new probe connection: connections made before are of an older generation. */
async function restart(made: Rig): Promise<void> {
  const { clock, host } = made
  const before = made.db.topology.hosts.get(generationKey(made))?.generation ?? 0
  host('db1').facts = { ...host('db1').facts, incarnation: 'another life' }
  for (const probe of [...host('db1').probes]) probe.die(coded('ECONNRESET'))
  await clock.advance(100)
  expect(made.db.topology.hosts.get(generationKey(made))?.generation).toBe(before + 1)
  expect(kindsOf(made.db.topology).db1).toBe('master')
}

/** Whether any snapshot since held the error against the host. */
function blameWatch({ db }: Rig, error: Error): () => boolean {
  let blamed = false
  const off = db.on('topologyChange', ({ topology }) => {
    for (const host of topology.hosts.values()) {
      const cause = 'cause' in host ? host.cause : 'suspicion' in host ? host.suspicion?.cause : undefined
      blamed ||= cause === error
    }
  })
  return () => {
    off()
    return blamed
  }
}

function generationKey({ db }: Rig): Parameters<Rig['db']['topology']['hosts']['get']>[0] {
  const [hostId] = db.topology.hosts.keys()
  if (hostId === undefined) throw new Error('no host')
  return hostId
}

const current: Readonly<Record<Phase | 'first', (row: Row) => Promise<void>>> = {
  connect: async ({ error, given }) => {
    const made = await story()
    made.host('db1').manualConnects = true
    const acquiring = settled(made.db.acquireMaster({ timeoutMs: 10_000 }))
    await made.clock.settle()
    silence(made)
    const { questions } = made.host('db1')
    made.host('db1').pool?.fail(error)
    expect(await judged(made, questions)).toBe(given.connect)
    // Whoever waits may go on to another host, unless the error says nothing about this one.
    expect(acquiring.state).toBe(classifyError(error, 'connect') === undefined ? 'rejected' : acquiring.state)
    made.host('db1').manualConnects = false
    await finish(made)
  },

  idle: async ({ error, given }) => {
    const made = await story()
    ;(await made.db.acquireMaster()).release()
    silence(made)
    const { questions } = made.host('db1')
    onlyConnection(made).die(error)
    expect(await judged(made, questions)).toBe(given.idle)
    expect(made.host('db1').pool?.open).toBe(0)
    await finish(made)
  },

  leased: async ({ error, given }) => {
    const made = await story()
    const lease = await made.db.acquireMaster()
    silence(made)
    const { questions } = made.host('db1')
    onlyConnection(made).complain(error)
    const state = await judged(made, questions)
    lease.release()
    await made.clock.settle()
    const isKept = made.db.metrics().drivers[0]?.idle === 1
    expect(`${state}, ${isKept ? 'kept' : 'closed'}`).toBe(given.leased)
    const isInternal = classifyError(error, 'session') === 'server-error'
    expect(made.db.metrics().drivers[0]?.serverErrors).toBe(isInternal ? 1 : 0)
    await finish(made)
  },

  monitor: async ({ error, given }) => {
    const made = await story()
    ;(await made.db.acquireMaster()).release()
    silence(made)
    await made.clock.advance(500)
    const [opened] = [made.host('db1').probesOpened]
    for (const probe of [...made.host('db1').probes]) probe.die(error)
    await made.clock.settle()
    expect(kindsOf(made.db.topology).db1).toBe(given.monitor)
    // The next look is over a fresh connection, and the caller's connections are not to blame. While no master is known one more is
    // tried beside it, after 500 ms at the earliest.
    await made.clock.advance(given.monitor === 'master' ? 1_000 : 480)
    expect(made.host('db1').probesOpened).toBe(opened + 1)
    await finish(made)
  },

  first: async ({ code, given }) => {
    const made = rig({ db1: { code }, db2: 'replica' })
    made.db.start()
    await made.clock.settle()
    expect(kindsOf(made.db.topology)).toEqual({ db1: given.first, db2: 'replica' })
    await finish(made)
  },
}

/** I8: what happened to an older generation, or was seen by an older probe, says nothing of the host as it is. */
const stale: Readonly<Record<Phase, (row: Row) => Promise<void>>> = {
  connect: async ({ error }) => {
    const made = await story()
    const { db, host, clock } = made
    host('db1').manualConnects = true
    host('db1').lastWords = error
    const acquiring = settled(db.acquireMaster({ timeoutMs: 10_000 }))
    await clock.settle()
    const blamed = blameWatch(made, error)
    await restart(made)
    expect(db.metrics().drivers[0]?.connectErrors).toBe(1)
    expect(blamed()).toBe(false)
    // The caller was sent on, and gets a connection of the new life.
    expect(acquiring.state).toBe('pending')
    host('db1').pool?.succeed()
    await clock.settle()
    expect(acquiring.got.hostId).toBe('db1:5432')
    acquiring.got.release()
    await finish(made)
  },

  idle: async ({ error }) => {
    const made = await story()
    ;(await made.db.acquireMaster()).release()
    const connection = onlyConnection(made)
    let complaints = 0
    const blamed = blameWatch(made, error)
    // In the very turn in which the connection became void.
    const off = made.db.on('topologyChange', () => {
      if (!connection.isClosed() || complaints > 0) return
      complaints += 1
      connection.complain(error)
    })
    await restart(made)
    off()
    expect([complaints, blamed()]).toEqual([1, false])
    await finish(made)
  },

  leased: async ({ error }) => {
    const made = await story()
    const lease = await made.db.acquireMaster()
    const connection = onlyConnection(made)
    await restart(made)
    const { topology } = made.db
    connection.complain(error)
    expect(made.db.topology).toBe(topology)
    lease.release()
    await made.clock.settle()
    expect(made.db.metrics().drivers[0]?.idle).toBe(0)
    await finish(made)
  },

  monitor: ({ error }) => {
    const topology = after(nothingKnown('db1', 'db2'), [
      answered('db1', {}, { probe: 7 }),
      answered('db1', {}, { probe: 8 }),
    ])
    for (const phase of ['connect', 'session'] as const) {
      const seen = failed('db1', classifyError(error, phase) ?? 'silent', { probe: 7 })
      expect(after(topology, [seen])).toBe(topology)
    }
    return Promise.resolve()
  },
}

const named = ROWS.map((row) => [row.given.what, row.code, row.given.severity ?? 'ERROR', row] as const)

describe.each(PHASES)('in phase %s', (phase) => {
  test.each(named)('%s: %s %s', (_what, _code, _severity, row) => current[phase](row))
})

describe('the first connection of the monitor', () => {
  test.each(named)('%s: %s %s', (_what, _code, _severity, row) => current.first(row))
})

describe.each(PHASES)('I8: of an older generation, in phase %s', (phase) => {
  test.each(named)('%s: %s %s', (_what, _code, _severity, row) => stale[phase](row))
})

test('there are at least 240 cases', () => {
  expect(ROWS.length * (2 * PHASES.length + 1)).toBeGreaterThanOrEqual(240)
})

describe('two sessions told to go within a second are the host going down', () => {
  test.each([
    [0, '57P01', 'suspect master'],
    [1_000, '57P01', 'suspect master'],
    [1_001, '57P01', 'master'],
    [0, '57P05', 'master'],
    [0, 'ECONNRESET', 'master'],
  ])('%s ms apart, by %s: %s', async (apartMs, code, state) => {
    const made = await story()
    const leases = [await made.db.acquireMaster(), await made.db.acquireMaster()]
    const [one, other] = [...made.host('db1').connections]
    one?.die(coded(code))
    await made.clock.advance(apartMs)
    silence(made)
    other?.die(coded(code))
    expect(kindsOf(made.db.topology).db1).toBe(state)
    for (const lease of leases) lease.release()
    await finish(made)
  })

  test('one each on two hosts are accidents', async () => {
    const made = await story()
    const [write, read] = [await made.db.acquireMaster(), await made.db.acquireReplica()]
    for (const name of ['db1', 'db2']) {
      made.host(name).trouble = 'silent'
      for (const connection of [...made.host(name).connections]) connection.die(coded('57P01'))
    }
    expect(kindsOf(made.db.topology)).toEqual({ db1: 'master', db2: 'replica' })
    write.release()
    read.release()
    await finish(made)
  })
})
