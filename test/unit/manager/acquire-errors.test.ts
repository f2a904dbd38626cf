import { describe, expect, test } from 'vitest'
import type { BalancerPolicy, Candidate } from '../../../src/balancer/policy.ts'
import { AccessRefusedError, AcquireTimeoutError, HasqlError } from '../../../src/errors.ts'
import { finish } from '../../support/scenario.ts'
import { coded } from '../../support/scripted/coded.ts'
import type { Rig } from '../../support/scripted/rig.ts'
import { startedRig } from '../../support/scripted/rig.ts'
import { settled } from '../../support/settled.ts'
import { untyped } from '../../support/untyped.ts'

const containing = (text: string): unknown => expect.stringContaining(text)

async function timeoutOf({ db, clock }: Rig, what: 'master' | 'replica' = 'master'): Promise<AcquireTimeoutError> {
  const options = { timeoutMs: 100 }
  const wait = settled(what === 'master' ? db.acquireMaster(options) : db.acquireReplica(options))
  await clock.advance(100)
  if (wait.error instanceof AcquireTimeoutError) return wait.error
  throw new Error(`it is ${wait.state}`, { cause: wait.error })
}

describe('an acquire that runs out of time says why', () => {
  test('no master: each host with its state', async () => {
    const story = await startedRig({ db1: 'down', db2: 'replica', db3: 'starting' })
    await story.clock.advance(900)
    const error = await timeoutOf(story)
    expect(error).toMatchObject({
      code: 'ERR_HASQL_ACQUIRE_TIMEOUT',
      name: 'AcquireTimeoutError',
      reason: 'no-suitable-host',
    })
    expect(error.message).toBe(
      'No master was found within 100 ms. Hosts: ' +
        'db1:5432 is unreachable for 1.0 s (db1:5432 says ECONNREFUSED); ' +
        'db2:5432 is a replica; ' +
        'db3:5432 is starting, recovering or shutting down for 1.0 s (db3:5432 says 57P03)',
    )
    expect(error.hosts).toEqual([
      { host: 'db1:5432', state: 'unreachable', why: 'is unreachable for 1.0 s (db1:5432 says ECONNREFUSED)' },
      { host: 'db2:5432', state: 'replica', why: 'is a replica' },
      { host: 'db3:5432', state: 'not-ready', why: containing('57P03') },
    ])
  })

  test('no replica: the master would do with fallbackMaster', async () => {
    const error = await timeoutOf(await startedRig({ db1: 'master', db2: 'silent' }), 'replica')
    expect(error.message).toBe(
      'No replica was found within 100 ms. Hosts: ' +
        'db1:5432 is the master (fallbackMaster is off); db2:5432 has not answered yet',
    )
  })

  test('a full pool is told from a missing host', async () => {
    const story = await startedRig({ db1: 'master' }, { capacity: 1 })
    await story.db.acquireMaster()
    const error = await timeoutOf(story)
    expect(error).toMatchObject({ reason: 'pool-exhausted', cause: undefined })
    expect(error.message).toBe(
      'All connections of db1:5432 stayed in use for 100 ms: release connections sooner, or raise poolOptions.max. ' +
        'Hosts: db1:5432 is the master',
    )
    expect(story.db.metrics().drivers[0]?.acquireTimeouts).toBe(1)
    expect(story.db.metrics().hasql.acquireTimeouts).toBe(1)
    expect(story.events.at(-1)).toBe('acquireTimeout AcquireTimeoutError')
  })

  test('a connection that is never made', async () => {
    const story = await startedRig({ db1: 'master' })
    story.host('db1').manualConnects = true
    const error = await timeoutOf(story)
    expect(error.reason).toBe('connect-failed')
    expect(error.message).toBe('No connection to a master could be made within 100 ms. Hosts: db1:5432 is the master')
    expect(story.db.metrics()).toMatchObject({ drivers: [{ acquireTimeouts: 0 }], hasql: { acquireTimeouts: 1 } })
  })

  test('fenced hosts, and who fenced them', async () => {
    const story = await startedRig({
      db1: { role: 'master', timeline: 3 },
      db2: { role: 'master', timeline: 2 },
      db3: { role: 'master', timeline: 3 },
      db4: { role: 'master', systemId: '9999' },
      db5: { role: 'master', timeline: 3, readOnly: true },
    })
    const error = await timeoutOf(story, 'replica').catch(() => undefined)
    expect(error).toBe(undefined)
    story.host('db1').suffer('refusing')
    story.host('db1').die()
    story.set({ db3: 'down', db5: 'down' })
    await story.clock.advance(50)
    const { message } = await timeoutOf(story)
    expect(message).toMatch(
      /db1:5432 refuses the connection for 0\.\d s: db1:5432 says 28P01\. Check user, password, database and TLS settings;/,
    )
    expect(message).toMatch(
      /db2:5432 is a stale master on timeline 2 for 0\.\d s; fenced: db1:5432, refusing us, was last seen writable on timeline 3;/,
    )
    expect(message).toMatch(/db4:5432 belongs to another cluster \(system identifier 9999\) for 0\.\d s/)
    expect(message).not.toContain('for 0.0 s')
  })

  test('split brain, a second name, a read-only master, a suspected one', async () => {
    const same = { role: 'master', timeline: 1, incarnation: 'same' } as const
    const story = await startedRig({ db1: same, db2: same, db3: 'master', db4: { role: 'master', readOnly: true } })
    for (const probe of story.host('db1').probes) probe.die(coded('ECONNRESET', 'connection reset'))
    story.host('db1').trouble = 'silent'
    const { hosts } = await timeoutOf(story)
    expect(hosts.map(({ state, why }) => `${state}: ${why}`)).toEqual([
      'suspect master: is the master, but is being checked again (connection reset)',
      'duplicate-master: is the same server as another host of the DSN for 0.1 s',
      'rival-master: accepts writes on the same timeline as another host (split brain) for 0.1 s',
      'read-only-master: is a master with default_transaction_read_only on for 0.1 s',
    ])
  })
})

describe('access that is refused', () => {
  test('by all hosts fails an acquire at once, before and after they are known', async () => {
    const story = await startedRig({ db1: 'silent', db2: 'silent' })
    const early = settled(story.db.acquireMaster())
    story.set({ db1: 'refusing', db2: 'refusing' })
    await story.clock.settle()
    const late = settled(story.db.acquireReplica())
    await story.clock.settle()
    for (const { error } of [early, late]) {
      expect(error).toBeInstanceOf(AccessRefusedError)
      expect(error).toMatchObject({
        code: 'ERR_HASQL_ACCESS_REFUSED',
        hosts: [{ state: 'rejected' }, { state: 'rejected' }],
      })
    }
    expect(early.error).toMatchObject({
      message:
        'No master lets us in. Hosts: ' +
        'db1:5432 refuses the connection: db1:5432 says 28P01. Check user, password, database and TLS settings; ' +
        'db2:5432 refuses the connection: db2:5432 says 28P01. Check user, password, database and TLS settings',
    })
    await finish(story)
  })

  test('by one host leaves the others to be waited for', async () => {
    const story = await startedRig({ db1: 'refusing', db2: 'down' })
    expect(await timeoutOf(story)).toMatchObject({ reason: 'no-suitable-host' })
  })

  test('by the pool of the only suitable host fails at once, with the cause', async () => {
    const { db, host, clock } = await startedRig({ db1: 'master', db2: 'replica' })
    host('db1').trouble = { code: '3D000' }
    const write = settled(db.acquireMaster())
    await clock.settle()
    expect(write.error).toBeInstanceOf(AccessRefusedError)
    expect(write.error).toMatchObject({
      cause: { code: '3D000' },
      message:
        'No master lets us in (db1:5432 says 3D000; check user, password, database and TLS settings). ' +
        'Hosts: db1:5432 is the master; db2:5432 is a replica',
    })
  })

  test('mixed with another fault is tried again', async () => {
    const { db, host, clock } = await startedRig({ db1: 'master', db2: 'replica', db3: 'replica' })
    host('db2').trouble = { code: '28P01' }
    host('db3').trouble = 'full'
    const read = settled(db.acquireReplica({ timeoutMs: 500 }))
    await clock.advance(100)
    host('db3').trouble = 'none'
    await clock.advance(400)
    expect(read.got.hostId).toBe('db3:5432')
  })

  test('that takes the place of another fault fails the acquire after the pause', async () => {
    const { db, host, clock } = await startedRig({ db1: 'master' })
    host('db1').trouble = 'full'
    const write = settled(db.acquireMaster())
    await clock.advance(5)
    expect(write.state).toBe('pending')
    host('db1').trouble = { code: '28P01' }
    await clock.advance(100)
    expect(write.error).toBeInstanceOf(AccessRefusedError)
  })

  test('an error that says nothing of the host is the caller’s at once', async () => {
    const { db, host, clock } = await startedRig({ db1: 'master' })
    const bug = new TypeError('a bug of the driver')
    host('db1').connectError = () => bug
    const write = settled(db.acquireMaster())
    await clock.settle()
    expect(write.error).toBe(bug)
  })
})

describe('a policy that misbehaves', () => {
  const TRIO = { db1: 'master', db2: 'replica', db3: 'replica' } as const
  const remembered: Candidate[] = []
  const policies: readonly (readonly [string, BalancerPolicy['pick']])[] = [
    ['returns nothing', () => untyped(undefined)],
    ['returns a stranger', ([first]) => ({ ...first, hostId: untyped('elsewhere:1') })],
    ['returns a copy', ([first]) => ({ ...first })],
    [
      'returns a host of another request',
      (candidates) => {
        remembered.push(...candidates)
        return remembered.find((each) => !candidates.includes(each)) ?? untyped(undefined)
      },
    ],
    [
      'throws',
      () => {
        throw new TypeError('a bug of the policy')
      },
    ],
  ]

  test.each(policies)('and %s fails that acquire alone', async (what, pick) => {
    const story = await startedRig(TRIO, { balancerPolicy: { name: 'mine', pick } })
    const read = settled(story.db.acquireReplica())
    await story.clock.settle()
    if (what === 'throws') expect(read.error).toMatchObject({ message: 'a bug of the policy' })
    else {
      expect(read.error).toBeInstanceOf(HasqlError)
      expect(read.error).toMatchObject({
        code: 'ERR_HASQL_POLICY',
        message: "The balancer policy 'mine' must return one of its candidates",
      })
    }
    expect((await story.db.acquireMaster()).hostId).toBe('db1:5432')
    expect(story.db.metrics().hasql.waiters).toBe(0)
    await finish(story)
    expect(story.db.metrics().hasql.acquireTimeouts).toBe(0)
  })

  test('while a caller is sent on to another host fails that caller, and no probe', async () => {
    let bug = false
    const pick: BalancerPolicy['pick'] = ([first]) => {
      if (bug) throw new TypeError('a bug of the policy')
      return first
    }
    const story = await startedRig({ ...TRIO, db4: 'replica' }, { balancerPolicy: { name: 'mine', pick } })
    story.host('db2').manualConnects = true
    const read = settled(story.db.acquireReplica())
    await story.clock.settle()
    bug = true
    story.set({ db2: 'down' })
    await story.clock.advance(1_500)
    expect(read.error).toMatchObject({ message: 'a bug of the policy' })
    story.set({ db2: 'replica' })
    await story.clock.advance(1_500)
    expect(story.db.replicaPoolCount).toBe(3)
    await finish(story)
  })
})
