import type { PoolManager } from 'hasql/pg'
import { FaultProxy } from 'hasql/testing'
import type { FaultTrigger } from 'hasql/testing'
import { atLeast, atMost, atMostMs } from '../frame/scenario.ts'
import type { Outcome, RunContext, Scenario } from '../frame/scenario.ts'
import { CONNECT_TIMEOUT_MS, Stage } from '../frame/stage.ts'
import { GarblingProxy, MARK } from '../network/garbling-proxy.ts'
import type { GarblePhase } from '../network/garbling-proxy.ts'

/** R23: whatever comes over the wire, at whatever moment: an error or another try, in time, and never a crash. */
export const protocol: readonly Scenario[] = [
  { row: 'R23', name: 'reset, end, silence, garbage in each protocol phase', run },
]

const QUERY_TIMEOUT_MS = 1_000
/** A connection that is not made in time, and all else at once. */
const SETTLES_MS = CONNECT_TIMEOUT_MS + 300

const PHASES = {
  greeting: { direction: 'toServer', afterBytes: 4 },
  authentication: { direction: 'toServer', pattern: 'SCRAM-SHA-256' },
  'session start': { direction: 'toClient', pattern: 'server_version' },
  query: { direction: 'toServer', pattern: MARK },
} as const satisfies Record<string, Omit<FaultTrigger, 'then'>>

const FAULTS = ['reset', 'close', 'silent'] as const

const message = (letter: string, length: number, ...body: readonly number[]): Buffer => {
  const head = Buffer.alloc(5)
  head.write(letter, 'latin1')
  head.writeUInt32BE(length, 1)
  return Buffer.concat([head, Buffer.from(body)])
}

/** What no server says: other protocols, messages cut short, lengths and counts that cannot be. */
const GARBAGE: Readonly<Record<string, Buffer>> = {
  'another protocol': Buffer.from('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'),
  'an empty authentication request': message('R', 4),
  'an authentication request of no known kind': message('R', 8, 0, 0, 0x27, 0x0f),
  'a row that is longer than its message': message('D', 10, 0, 9, 0x7f, 0xff, 0xff, 0xff),
  'a description of columns that are not there': message('T', 6, 0xff, 0xff),
  'a length of zero': Buffer.concat([message('Z', 0), message('Z', 0)]),
  zeros: Buffer.alloc(64),
}

async function run({ quick }: RunContext): Promise<Outcome> {
  let faulty: FaultProxy | undefined
  let garbling: GarblingProxy | undefined
  await using stage = await Stage.open({
    cluster: { replicas: 0 },
    manager: { acquireTimeoutMs: 8_000, poolOptions: { query_timeout: QUERY_TIMEOUT_MS } },
    workload: { writers: 0, readers: 0 },
    front: async (node) => {
      faulty = await FaultProxy.start({ target: node })
      return (garbling = await GarblingProxy.start(faulty))
    },
    takeDown: async () => {
      await garbling?.close()
      await faulty?.close()
    },
  })
  await stage.workload.write()
  const cases: Case[] = []
  for (const [phase, when] of Object.entries(PHASES)) {
    for (const then of quick ? FAULTS.slice(0, 2) : FAULTS) {
      cases.push(await tried(stage, `${then}, ${phase}`, () => void faulty?.when({ ...when, then })))
      await faulty?.pass()
    }
  }
  for (const phase of ['greeting', 'authentication', 'query'] as const satisfies readonly GarblePhase[]) {
    for (const [kind, bytes] of Object.entries(GARBAGE)) {
      cases.push(await tried(stage, `${kind}, ${phase}`, () => garbling?.arm({ phase, bytes })))
      garbling?.disarm()
    }
  }
  const slowest = cases.reduce((one, other) => (other.tookMs > one.tookMs ? other : one))
  const stuck = cases.filter(({ isWellAfter }) => !isWellAfter)
  const measures = [
    atLeast('cases', cases.length, quick ? 29 : 33),
    atMostMs('slowest to settle', slowest.tookMs, SETTLES_MS),
    atMost('cases after which work did not go on', stuck.length, 0),
  ]
  const { violations } = await stage.finish()
  const notes = [
    `slowest: ${slowest.name}; ${cases.filter(({ error }) => error === undefined).length} cases the application did not notice`,
    ...stuck.map(({ name, error }) => `did not go on after: ${name} (${String(error)})`),
  ]
  return { measures, violations, notes }
}

/** What one fault came to. */
interface Case {
  readonly name: string
  readonly tookMs: number
  readonly error: unknown
  readonly isWellAfter: boolean
}

/** Arms the fault for a connection that is made for the purpose, and works on it. */
async function tried({ db }: Stage, name: string, arm: () => void): Promise<Case> {
  const stale = await db.acquireMaster()
  db.release(stale, { destroy: true })
  arm()
  const startMs = performance.now()
  const error = await db
    .withMaster((connection) => connection.query(`select '${MARK}'`))
    .then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
  const tookMs = performance.now() - startMs
  // What `pg` takes for the end of a statement leaves it to the next caller to find out that the connection is of no use.
  const isWellAfter = (await goesOn(db)) || (await goesOn(db))
  return { name, tookMs, error, isWellAfter }
}

async function goesOn(db: PoolManager): Promise<boolean> {
  return db
    .withMaster((connection) => connection.query('select 1'))
    .then(
      () => true,
      () => false,
    )
}
