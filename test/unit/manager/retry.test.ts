import { describe, expect, test } from 'vitest'
import {
  AcquireAbortedError,
  AcquireTimeoutError,
  HostLostError,
  ManagerClosedError,
  OptionsError,
} from '../../../src/errors.ts'
import type { RetryOptions } from '../../../src/manager/retry-options.ts'
import { finish } from '../../support/scenario.ts'
import { coded } from '../../support/scripted/coded.ts'
import type { ScriptedClient } from '../../support/scripted/connection.ts'
import type { Rig } from '../../support/scripted/rig.ts'
import { startedRig } from '../../support/scripted/rig.ts'
import { settled } from '../../support/settled.ts'
import type { Settled } from '../../support/settled.ts'
import { untyped } from '../../support/untyped.ts'

const PAIR = { db1: 'master', db2: 'replica' } as const
const READERS = { db1: 'master', db2: 'replica', db3: 'replica' } as const

/** What the server of a lease does to one run of the function. */
type Misfortune = (story: Rig, client: ScriptedClient) => Promise<never>

/** The connection under a lease. */
function under({ driver }: Rig, client: ScriptedClient): { complain(error: Error): void; die(error: Error): void } {
  for (const host of driver.hosts) {
    for (const connection of host.connections) if (connection.native === client) return connection
  }
  throw new Error('the connection is gone')
}

/** The server answers a statement with an error. */
const answers =
  (error: Error): Misfortune =>
  (story, client) => {
    under(story, client).complain(error)
    return Promise.reject(error)
  }

/** The connection ends while nothing is unanswered. */
const ends =
  (error: Error): Misfortune =>
  (story, client) => {
    under(story, client).die(error)
    return Promise.reject(error)
  }

/** The connection ends while a statement is unanswered. */
const hangsUp =
  (error: Error): Misfortune =>
  (story, client) => {
    const query = client.hang()
    under(story, client).die(error)
    return query
  }

/** Something took effect before. */
const afterAnEffect =
  (misfortune: Misfortune): Misfortune =>
  (story, client) => {
    client.execute()
    return misfortune(story, client)
  }

interface Told {
  readonly run: Settled<string>
  /** The host of each run. */
  readonly runs: string[]
}

type Method = 'withMaster' | 'withReplica'

/** A function that meets its misfortunes, one for each run, and then returns the host it ran on. */
function start(
  story: Rig,
  method: Method,
  misfortunes: readonly Misfortune[],
  options: object = { retry: true },
): Told {
  const left = [...misfortunes]
  const runs: string[] = []
  const fn = (client: ScriptedClient): Promise<string> => {
    runs.push(client.hostId.replace(':5432', ''))
    return left.shift()?.(story, client) ?? Promise.resolve(client.hostId)
  }
  return { run: settled(story.db[method](fn, options)), runs }
}

async function tell(method: Method, misfortune: Misfortune, retry: boolean | RetryOptions = true): Promise<Told> {
  const story = await startedRig(method === 'withMaster' ? PAIR : READERS)
  const told = start(story, method, [misfortune], { retry })
  await story.clock.advance(1_500)
  expect(story.db.metrics().hasql.retries).toBe(told.runs.length - 1)
  expect(story.db.metrics().drivers.map(({ used }) => used)).toEqual(method === 'withMaster' ? [0, 0] : [0, 0, 0])
  await finish(story)
  return told
}

describe('a write', () => {
  test.each([
    ['an idle connection that ends', ends(coded('57P01'))],
    ['one that is reset', ends(coded('ECONNRESET'))],
    ['a FATAL answer', answers(coded('57P01'))],
    ['a server that shuts down', answers(coded('57P03'))],
    ['a wrong role', answers(coded('25006'))],
    ['a pooler that gives up with nothing sent', ends(coded('08P01'))],
  ])('is run again after %s', async (_what, misfortune) => {
    const { run, runs } = await tell('withMaster', misfortune)
    expect([run.value, runs.length]).toEqual(['db1:5432', 2])
  })

  test.each([
    ['a statement is unanswered', hangsUp(coded('ECONNRESET'))],
    ['something took effect before', afterAnEffect(ends(coded('ECONNRESET')))],
    ['something took effect before a wrong role', afterAnEffect(answers(coded('25006')))],
    ['a statement is wrong', answers(coded('23505'))],
    ['a statement was cancelled', answers(coded('57014'))],
    ['the disk is full', answers(coded('53100'))],
    ['the server fails inside', answers(coded('XX000'))],
    ['the role is merely hinted at', answers(coded('0A000'))],
    ['the database was dropped', answers(coded('57P04'))],
    ['a transaction was idle for too long', answers(coded('25P03'))],
    ['of a conflict', answers(coded('40001'))],
    ['of a deadlock', answers(coded('40P01'))],
    ['of a bug', () => Promise.reject(new Error('a bug'))],
    ['something else was reset', () => Promise.reject(coded('ECONNRESET'))],
    ['something else refused', () => Promise.reject(coded('25006'))],
  ])('is not run again when %s', async (_what, misfortune) => {
    const { run, runs } = await tell('withMaster', misfortune)
    expect([run.state, runs.length]).toEqual(['rejected', 1])
  })

  test.each([
    ['with an unknown outcome', hangsUp(coded('ECONNRESET')), { idempotent: true }],
    ['after an effect', afterAnEffect(ends(coded('57P01'))), { idempotent: true }],
    ['after a conflict', answers(coded('40001')), { conflicts: true }],
    ['after a deadlock', answers(coded('40P01')), { conflicts: true }],
    ['after a conflict and an effect', afterAnEffect(answers(coded('40001'))), { conflicts: true, idempotent: true }],
  ])('is run again %s when asked for', async (_what, misfortune, retry) => {
    const { run, runs } = await tell('withMaster', misfortune, retry)
    expect([run.value, runs.length]).toEqual(['db1:5432', 2])
  })

  test.each([
    ['an unknown outcome', hangsUp(coded('ECONNRESET')), { conflicts: true }],
    ['a conflict', answers(coded('40001')), { idempotent: true }],
    ['a conflict after an effect', afterAnEffect(answers(coded('40001'))), { conflicts: true }],
    ['a constraint', answers(coded('23505')), { conflicts: true, idempotent: true }],
  ])('%s is not what was asked for', async (_what, misfortune, retry) => {
    const { run, runs } = await tell('withMaster', misfortune, retry)
    expect([run.state, runs.length]).toEqual(['rejected', 1])
  })

  test('is not run again unless asked', async () => {
    for (const retry of [false, undefined]) {
      const story = await startedRig(PAIR)
      const { run, runs } = start(story, 'withMaster', [ends(coded('57P01'))], { retry })
      await story.clock.advance(1_500)
      expect([run.state, runs]).toEqual(['rejected', ['db1']])
    }
  })

  test('is run again after what a query builder made of the error', async () => {
    const { run } = await tell('withMaster', (story, client) => {
      const error = coded('57P01')
      under(story, client).die(error)
      return Promise.reject(new Error('the query failed', { cause: new Error('the driver failed', { cause: error }) }))
    })
    expect(run.state).toBe('resolved')
  })

  test('that gave its connection back itself is not run again: nobody can tell what it did', async () => {
    const { run } = await tell('withMaster', (story, client) => {
      const error = coded('25006')
      under(story, client).complain(error)
      client.release()
      return Promise.reject(error)
    })
    expect(run.state).toBe('rejected')
  })

  test('follows a failover', async () => {
    const story = await startedRig(PAIR)
    const { run, runs } = start(story, 'withMaster', [
      (rig) => {
        rig.set({ db1: 'down' })
        return Promise.reject(new HostLostError('db1:5432', 'not-executed', 'ended the connection'))
      },
    ])
    await story.clock.advance(500)
    expect(run.state).toBe('pending')
    story.set({ db2: { role: 'master', timeline: 2 } })
    await story.clock.advance(300)
    expect([run.value, runs]).toEqual(['db2:5432', ['db1', 'db2']])
    await finish(story)
  })
})

describe('a read', () => {
  test.each([
    ['a connection that ends', ends(coded('57P01'))],
    ['an unanswered statement', hangsUp(coded('ECONNRESET'))],
    ['a read that was answered before', afterAnEffect(hangsUp(coded('ETIMEDOUT')))],
    ['a server that fails inside', answers(coded('XX000'))],
    ['a full disk', answers(coded('53100'))],
    ['a conflict with recovery', answers(coded('40001'))],
    ['a deadlock with recovery', answers(coded('40P01'))],
    ['a dropped database', answers(coded('57P04'))],
    ['an unknown FATAL', answers(Object.assign(coded('99999'), { severity: 'FATAL' }))],
  ])('is run again on another host after %s', async (_what, misfortune) => {
    const { run, runs } = await tell('withReplica', misfortune)
    expect([run.state, runs.length]).toEqual(['resolved', 2])
    expect(runs[1]).not.toBe(runs[0])
  })

  test.each([
    ['a write', answers(coded('25006'))],
    ['what no standby can do', answers(coded('0A000'))],
    ['a statement that was cancelled', answers(coded('57014'))],
    ['a statement that is wrong', answers(coded('42P01'))],
    ['a bug', () => Promise.reject(new Error('a bug'))],
  ])('is not run again after %s', async (_what, misfortune) => {
    const { run, runs } = await tell('withReplica', misfortune)
    expect([run.state, runs.length]).toEqual(['rejected', 1])
  })

  test('goes to the same host when there is no other', async () => {
    const story = await startedRig(PAIR)
    const { run, runs } = start(story, 'withReplica', [answers(coded('40001')), answers(coded('40001'))])
    await story.clock.advance(100)
    expect([run.value, runs]).toEqual(['db2:5432', ['db2', 'db2', 'db2']])
  })

  test('goes to the master before it goes to the same replica, where that is allowed', async () => {
    const story = await startedRig(PAIR, { fallbackMaster: true })
    const { runs } = start(story, 'withReplica', [answers(coded('40001'))])
    await story.clock.advance(100)
    expect(runs).toEqual(['db2', 'db1'])
  })
})

describe('withConnection', () => {
  test.each([
    [{ readOnly: true }, 2],
    [{ readOnly: false }, 1],
    [{}, 1],
  ])('%j', async (options, runs) => {
    const story = await startedRig(PAIR)
    let count = 0
    const run = settled(
      story.db.withConnection({ ...options, retry: true }, (client) => {
        count += 1
        return count === 1 ? hangsUp(coded('ECONNRESET'))(story, client) : Promise.resolve('done')
      }),
    )
    await story.clock.advance(500)
    expect([count, run.state]).toEqual([runs, runs === 2 ? 'resolved' : 'rejected'])
  })
})

describe('what is passed on', () => {
  test('is the very error of the last run', async () => {
    const [bug, answer] = [new Error('a bug'), coded('23505')]
    expect((await tell('withMaster', () => Promise.reject(bug))).run.error).toBe(bug)
    expect((await tell('withMaster', answers(answer))).run.error).toBe(answer)
    const lost = new HostLostError('db1:5432', 'unknown', 'was lost')
    expect((await tell('withMaster', hangsUp(lost))).run.error).toBe(lost)
  })

  test('is, of a session that a server ended after an effect, a lost host with an unknown outcome', async () => {
    const fatal = coded('57P01')
    const { run, runs } = await tell('withMaster', afterAnEffect(answers(fatal)))
    expect(run.error).toBeInstanceOf(HostLostError)
    expect(run.error).toMatchObject({ host: 'db1:5432', outcome: 'unknown', cause: fatal })
    expect(runs).toHaveLength(1)
  })

  test.each(['ECONNRESET', 'EPIPE', '08P01'])(
    'is, of a commit lost by %s, a lost host with an unknown outcome',
    async (code) => {
      const seen = coded(code)
      const { run } = await tell('withMaster', hangsUp(seen))
      expect(run.error).toBeInstanceOf(HostLostError)
      expect(run.error).toMatchObject({ host: 'db1:5432', outcome: 'unknown', cause: seen })
    },
  )

  test('is the unknown outcome of an earlier run when it cannot be run again', async () => {
    const story = await startedRig(PAIR)
    const seen = coded('ECONNRESET')
    const dies: Misfortune = (rig, client) => {
      const query = hangsUp(seen)(rig, client)
      rig.set({ db1: 'down' })
      return query
    }
    const { run } = start(story, 'withMaster', [dies], { retry: { idempotent: true }, timeoutMs: 1_000 })
    await story.clock.advance(1_000)
    expect(run.error).toMatchObject({ code: 'ERR_HASQL_HOST_LOST', outcome: 'unknown', cause: seen })
  })

  test('says that no host was found when nothing was executed', async () => {
    const story = await startedRig(PAIR)
    const dies: Misfortune = (rig, client) => {
      const error = ends(coded('57P01'))(rig, client)
      rig.set({ db1: 'down' })
      return error
    }
    const { run } = start(story, 'withMaster', [dies], { retry: true, timeoutMs: 1_000 })
    await story.clock.advance(999)
    expect(run.state).toBe('pending')
    await story.clock.advance(1)
    expect(run.error).toBeInstanceOf(AcquireTimeoutError)
  })
})

describe('the bounds', () => {
  const always = Array.from({ length: 40 }, () => answers(coded('40001')))

  test('at most ten runs, or as many as asked for', async () => {
    for (const [retry, most] of [
      [true, 10],
      [{ maxAttempts: 3 }, 3],
      [{ maxAttempts: 1 }, 1],
    ] as const) {
      const story = await startedRig(PAIR, { acquireTimeoutMs: 60_000 })
      const { run, runs } = start(story, 'withReplica', always, { retry })
      await story.clock.advance(10_000)
      expect([run.state, runs.length]).toEqual(['rejected', most])
      expect(run.error).toMatchObject({ code: '40001' })
    }
  })

  test('pauses double from 20 ms to 500 ms, and the dice take their part of each', async () => {
    const story = await startedRig(PAIR, { acquireTimeoutMs: 60_000, random: () => 0.5 })
    const atMs: number[] = []
    const noted = always.map((each): Misfortune => (rig, client) => {
      atMs.push(rig.clock.nowMs())
      return each(rig, client)
    })
    start(story, 'withReplica', noted)
    await story.clock.advance(10_000)
    expect(atMs.slice(1).map((each, place) => each - (atMs[place] ?? 0))).toEqual([
      10, 20, 40, 80, 160, 250, 250, 250, 250,
    ])
  })

  test('law 6: one deadline covers the waiting of all runs', async () => {
    const story = await startedRig(PAIR, { random: () => 1 - 2 ** -20 })
    const { run } = start(story, 'withReplica', always, { retry: { maxAttempts: 40 }, timeoutMs: 1_000 })
    // 20 + 40 + 80 + 160 + 320 ms have passed; the next 500 ms would end after the deadline, so there is no sense in them.
    await story.clock.advance(619)
    expect(run.state).toBe('pending')
    await story.clock.advance(1)
    expect(run.error).toMatchObject({ code: '40001' })
    await finish(story)
  })

  test('a run is not cut off by the deadline, and not repeated after it', async () => {
    const story = await startedRig(PAIR)
    let fail = (): void => undefined
    const late: Misfortune = (rig, client) =>
      new Promise((_resolve, reject) => {
        const error = coded('40001')
        fail = () => {
          under(rig, client).complain(error)
          reject(error)
        }
      })
    const { run, runs } = start(story, 'withReplica', [late], { retry: true, timeoutMs: 100 })
    await story.clock.advance(500)
    expect(run.state).toBe('pending')
    fail()
    await story.clock.advance(500)
    expect([run.state, runs.length]).toEqual(['rejected', 1])
  })

  test('the failed lease ends before the next one is asked for', async () => {
    const story = await startedRig(PAIR, { capacity: 1 })
    const { run, runs } = start(story, 'withReplica', [answers(coded('40001')), ends(coded('57P01'))])
    await story.clock.advance(500)
    expect([run.state, runs.length]).toEqual(['resolved', 3])
  })
})

describe('a pause', () => {
  const paused = async (options: object = {}): Promise<{ story: Rig; told: Told; before: number }> => {
    const story = await startedRig(PAIR, { random: () => 0.9 })
    const before = story.clock.openTimers
    const told = start(story, 'withReplica', [answers(coded('40001'))], { retry: true, ...options })
    await story.clock.settle()
    expect([told.run.state, story.db.metrics().hasql.waiters]).toEqual(['pending', 1])
    return { story, told, before }
  }

  test('ends at once when the signal aborts', async () => {
    const abort = new AbortController()
    const { story, told } = await paused({ signal: abort.signal })
    abort.abort(new Error('enough'))
    await story.clock.settle()
    expect(told.run.error).toBeInstanceOf(AcquireAbortedError)
    expect(told.run.error).toHaveProperty('cause.message', 'enough')
    expect(story.db.metrics().hasql.waiters).toBe(0)
    await finish(story)
  })

  test('ends at once when the manager closes', async () => {
    const { story, told } = await paused()
    const closed = settled(story.db.close())
    await story.clock.settle()
    expect(told.run.error).toBeInstanceOf(ManagerClosedError)
    expect([closed.state, story.clock.openTimers]).toEqual(['resolved', 0])
  })

  test('does not begin after the signal aborted or the manager closed', async () => {
    const abort = new AbortController()
    const story = await startedRig(PAIR)
    const aborts: Misfortune = (rig, client) => {
      abort.abort()
      return answers(coded('40001'))(rig, client)
    }
    const aborted = start(story, 'withReplica', [aborts], { retry: true, signal: abort.signal })
    await story.clock.settle()
    expect(aborted.run.error).toMatchObject({ code: '40001' })
    const closes: Misfortune = (rig, client) => {
      void rig.db.close()
      return answers(coded('40001'))(rig, client)
    }
    const closed = start(story, 'withReplica', [closes])
    await story.clock.settle()
    expect(closed.run.error).toMatchObject({ code: '40001' })
    expect(story.clock.openTimers).toBe(0)
  })
})

describe('the options', () => {
  test.each([
    [{ retry: { idempotend: true } }, 'idempotend', "retry has no option 'idempotend'. Did you mean idempotent?"],
    [{ retry: { idempotent: 1 } }, 'idempotent', 'idempotent must be true or false'],
    [{ retry: { conflicts: 'yes' } }, 'conflicts', 'conflicts must be true or false'],
    [{ retry: { maxAttempts: 0 } }, 'maxAttempts', 'maxAttempts must be a whole number of at least 1'],
    [{ retry: { maxAttempts: 1.5 } }, 'maxAttempts', 'maxAttempts must be a whole number of at least 1'],
    [{ retry: 3 }, 'retry', 'The options of retry must be an object'],
    [{ retry: null }, 'retry', 'The options of retry must be an object'],
    [{ retry: true, timeout: 3 }, 'timeout', 'acquire has no option'],
  ])('%j name what is wrong', async (options, option, text) => {
    const { db } = await startedRig(PAIR)
    for (const run of [
      db.withMaster(() => 1, untyped(options)),
      db.withReplica(() => 1, untyped(options)),
      db.withConnection(untyped(options), () => 1),
    ]) {
      const error = await run.catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(OptionsError)
      expect(error).toMatchObject({ option, message: expect.stringContaining(text) as string })
    }
  })

  test('an acquire alone takes no retry', async () => {
    const { db } = await startedRig(PAIR)
    await expect(db.acquireMaster(untyped({ retry: true }))).rejects.toThrow("acquire has no option 'retry'")
  })
})
