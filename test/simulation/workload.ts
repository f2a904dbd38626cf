import { getEventListeners } from 'node:events'
import type { Random } from '../../src/random/random.ts'
import { between, chance, oneOf } from '../support/fake/dice.ts'
import type { FakeClient } from '../support/fake/fake-connection.ts'
import type { Call, Lease, Wanted } from './call.ts'
import { Holder } from './holder.ts'
import { writeWithRetry } from './retried-write.ts'
import type { World } from './world.ts'

/** A token of a write. */
interface Taken {
  readonly writeId: number
  readonly token: string
}

/** What a call asks for. */
interface Wish extends Pick<Call, 'wanted' | 'mustSucceed' | 'after' | 'isBounded'> {
  readonly timeoutMs: number
  readonly fallbackMaster: boolean
}

/** The newest tokens are used, again and again. */
const TOKENS_KEPT = 6

/** The application: asks for connections, uses them, gives them back in all ways there are, gives up, forgets. */
export class Workload {
  readonly #world: World
  readonly #random: Random
  readonly #signals: AbortSignal[] = []
  readonly #leases = new Map<FakeClient, Lease>()
  readonly #tokens: Taken[] = []
  readonly #holders = new Map<FakeClient, Holder>()
  #calls = 0
  #urgent = 0
  #open = 0
  #isOver = false
  /** Promises of `ready` and its like that have not settled. */
  readonly waits: Set<string> = new Set()

  constructor(world: World, random: Random) {
    this.#world = world
    this.#random = random
    world.db.on('acquire', ({ host, connection }) => {
      const { topology } = world
      const { knowledge } = world
      const [fenced, leftBehind] = [knowledge.fenced(host), knowledge.leftBehind(host)]
      if (this.#leases.has(connection)) world.violated('I3', `connection #${connection.id} of ${host} leased twice`)
      this.#leases.set(connection, { hostId: host, client: connection, topology, fenced, leftBehind })
    })
    world.announcer.on('tokenTaken', (writeId, token) => {
      this.#tokens.push({ writeId, token })
      if (this.#tokens.length > TOKENS_KEPT) this.#tokens.shift()
    })
    world.announcer.on('givenBack', (connection) => {
      this.#holders.get(connection.native)?.takenBack(connection.isClosed())
    })
  }

  /** Leases that were announced and have reached no caller. */
  get unclaimed(): ReadonlyMap<FakeClient, Lease> {
    return this.#leases
  }

  /** Nobody who must be served waits. */
  get isServed(): boolean {
    return this.#urgent === 0
  }

  /** Calls whose promise has not settled. */
  get openCalls(): number {
    return this.#open
  }

  /** Leases in the hands of somebody. */
  get held(): number {
    return this.#holders.size
  }

  get abortListeners(): number {
    return this.#signals.reduce((sum, signal) => sum + getEventListeners(signal, 'abort').length, 0)
  }

  start(): void {
    this.#later(this.#world.scenario.callGapMs, () => this.#arrive())
  }

  /** Nobody calls any more. */
  stop(): void {
    this.#isOver = true
  }

  /** Everybody gives back what is held. */
  releaseAll(): void {
    for (const holder of this.#holders.values()) holder.hurry()
  }

  call(wanted: Wanted, timeoutMs: number, mustSucceed: boolean): void {
    const fallbackMaster = mustSucceed || chance(this.#random, 0.3) || this.#world.scenario.options.fallbackMaster
    const { signal, abort } = chance(this.#random, mustSucceed ? 0 : 0.15) ? this.#aborting() : NEVER
    const seen = wanted === 'replica' && !mustSucceed ? this.#chooseToken() : undefined
    const mayBeBounded = wanted === 'replica' && !mustSucceed && chance(this.#random, 0.3)
    const bound = mayBeBounded ? { maxLagMs: oneOf(this.#random, [300, 1_000, 3_000]) } : {}
    const isBounded = mayBeBounded || seen !== undefined
    const call = this.#register({ wanted, timeoutMs, mustSucceed, fallbackMaster, after: seen?.writeId, isBounded })
    abort(call)
    const options = { timeoutMs, after: seen?.token, ...(signal === undefined ? {} : { signal }) }
    const { db, announcer } = this.#world
    announcer.tell('calling')
    const leased =
      wanted === 'master' ? db.acquireMaster(options) : db.acquireReplica({ ...options, ...bound, fallbackMaster })
    announcer.tell('called', call)
    leased.then(
      (client) => this.#granted(call, client),
      (error: unknown) => this.#rejected(call, error),
    )
  }

  #chooseToken(): Taken | undefined {
    return this.#tokens.length > 0 && chance(this.#random, 0.5) ? oneOf(this.#random, this.#tokens) : undefined
  }

  #arrive(): void {
    if (this.#isOver || this.#world.db.closing) return
    const { callGapMs, options } = this.#world.scenario
    const dice = this.#random()
    if (dice < 0.04) this.#waitReady()
    else if (dice < 0.16) this.#writeWithRetry()
    else {
      const timeoutMs = chance(this.#random, 0.3) ? between(this.#random, 5, 600) : options.acquireTimeoutMs
      this.call(dice < 0.58 ? 'master' : 'replica', timeoutMs, false)
    }
    const isBurst = chance(this.#random, 0.1)
    const gapMs = this.#world.isHealed ? 5 * callGapMs : callGapMs
    this.#later(isBurst ? 0 : -Math.log(1 - this.#random()) * gapMs, () => this.#arrive())
  }

  #writeWithRetry(): void {
    const { loop, announcer, scenario } = this.#world
    const startedAtMs = loop.nowMs()
    const timeoutMs = scenario.options.acquireTimeoutMs
    this.#calls += 1
    const id = this.#calls
    const name = `the retried write ${id}`
    this.waits.add(name)
    const times = { startedAtMs, deadlineMs: startedAtMs + timeoutMs }
    const call = { id, wanted: 'master', mayBeMaster: true, ...times, mustSucceed: false } as const
    const claim = (client: FakeClient): void => {
      const lease = this.#leases.get(client)
      if (lease === undefined) return this.#world.violated('I3', `${name} got #${client.id} without a lease`)
      this.#leases.delete(client)
      announcer.tell('granted', { ...call, isAborted: false, isSettled: true }, lease)
    }
    void writeWithRetry(this.#world, id * 10, timeoutMs, claim).then(() => this.waits.delete(name))
  }

  #register({ timeoutMs, fallbackMaster, ...wish }: Wish): Call {
    const { wanted, mustSucceed } = wish
    const startedAtMs = this.#world.loop.nowMs()
    const mayBeMaster = fallbackMaster || this.#world.scenario.options.masterAsReplicaWeight > 0
    this.#calls += 1
    this.#open += 1
    if (mustSucceed) this.#urgent += 1
    const deadlineMs = startedAtMs + timeoutMs
    const settling = { isAborted: false, isSettled: false }
    const call = { id: this.#calls, ...wish, mayBeMaster, startedAtMs, deadlineMs, ...settling }
    this.#world.note(() => `call ${call.id} wants a ${wanted} until ${deadlineMs.toFixed(1)}`)
    return call
  }

  #granted(call: Call, client: FakeClient): void {
    this.#open -= 1
    const { announcer, scenario } = this.#world
    const lease = this.#leases.get(client)
    call.isSettled = true
    if (call.mustSucceed) this.#urgent -= 1
    if (lease === undefined) return this.#world.violated('I3', `call ${call.id} got #${client.id} without a lease`)
    this.#leases.delete(client)
    this.#world.note(() => `call ${call.id} got ${client.hostId} #${client.id}`)
    announcer.tell('granted', call, lease)
    const holdMs = chance(this.#random, 0.06) ? between(this.#random, 300, 6_000) : this.#random() * scenario.holdMs
    const holder = new Holder(this.#world, call, client, this.#random, () => this.#holders.delete(client))
    this.#holders.set(client, holder)
    void holder.use(this.#world.isHealed ? Math.min(holdMs, 5) : holdMs)
  }

  #rejected(call: Call, error: unknown): void {
    this.#open -= 1
    call.isSettled = true
    this.#world.note(() => `call ${call.id} rejected: ${error instanceof Error ? error.message : String(error)}`)
    this.#world.announcer.tell('rejected', call, error)
  }

  #aborting(): { readonly signal: AbortSignal; readonly abort: (call: Call) => void } {
    const controller = new AbortController()
    this.#signals.push(controller.signal)
    const inMs = chance(this.#random, 0.1) ? -1 : between(this.#random, 0, 500)
    const abort = (call: Call): void => {
      const fire = (): void => {
        if (!call.isSettled) call.isAborted = true
        controller.abort(new Error('the caller gave up'))
      }
      if (inMs < 0) fire()
      else this.#later(inMs, fire)
    }
    return { signal: controller.signal, abort }
  }

  #waitReady(): void {
    const { db, loop } = this.#world
    const timeoutMs = between(this.#random, 50, 2_000)
    const untilMs = loop.nowMs() + timeoutMs
    const kind = oneOf(this.#random, ['ready', 'all', 'check'] as const)
    const name = `${kind} ${untilMs.toFixed(1)}`
    this.waits.add(name)
    const done = (error: unknown): void => {
      this.waits.delete(name)
      const isTimeout = error instanceof Error && error.name === 'ReadyTimeoutError'
      if (isTimeout && loop.nowMs() < untilMs - 1) this.#world.violated('I11', `${name} timed out early`)
      if (kind !== 'check' && loop.nowMs() > untilMs + 2 && this.#world.lastStallMs < untilMs - timeoutMs) {
        this.#world.violated('I5', `${name} settled late`)
      }
    }
    const waiting =
      kind === 'check'
        ? db.waitNextPoolCheck()
        : db.ready({ timeoutMs, ...(kind === 'all' ? {} : { mastersCount: 1, replicasCount: 0 }) })
    waiting.then(() => done(undefined), done)
  }

  #later(delayMs: number, act: () => void): void {
    this.#world.loop.afterIo(delayMs, act)
  }
}

const NEVER = { signal: undefined, abort: (): void => undefined }
