import type { Random } from '../../src/random/random.ts'
import { between, chance, oneOf } from '../support/fake/dice.ts'
import type { FakeClient } from '../support/fake/fake-connection.ts'
import type { Call } from './call.ts'
import type { World } from './world.ts'

/** The number of a holder's last statement. */
const LAST = 9

/** Somebody who holds a leased connection: runs statements, then gives it back once, or tries to do it twice. */
export class Holder {
  readonly #world: World
  readonly #call: Call
  readonly #client: FakeClient
  readonly #random: Random
  readonly #onEnd: () => void
  #isHeld = true
  #isHurried = false
  #hurry: (() => void) | undefined
  #resume: (() => void) | undefined

  constructor(world: World, call: Call, client: FakeClient, random: Random, onEnd: () => void) {
    this.#world = world
    this.#call = call
    this.#client = client
    this.#random = random
    this.#onEnd = onEnd
  }

  /** The connection went back to its pool. Of one that died its holder may not know yet. */
  takenBack(isClosed: boolean): void {
    if (this.#isHeld && !isClosed) this.#violated('I3', 'ended under its holder')
  }

  async use(holdMs: number): Promise<void> {
    if (this.#call.after !== undefined) await this.#look(this.#call.after)
    const statements = Math.floor(this.#random() * 3)
    // Once everything was healed the application is modest.
    if (chance(this.#random, 0.1) && !this.#world.isHealed) this.#readLater()
    for (let i = 0; i < statements; i += 1) {
      if (!(await this.#ask(i))) break
    }
    await this.#sleep(this.#isHurried ? 0 : holdMs)
    // A lot may have happened since; who holds a connection does not know.
    if (chance(this.#random, 0.5)) await this.#ask(LAST)
    this.#isHeld = false
    this.#onEnd()
    try {
      this.#giveBack()
    } catch (error) {
      this.#violated('I3', `could not be released: ${String(error)}`)
    }
  }

  /** Gives back now what would be held longer. */
  hurry(): void {
    this.#isHurried = true
    this.#resume?.()
    this.#hurry?.()
  }

  async #ask(number: number): Promise<boolean> {
    const isWrite = this.#call.wanted === 'master' && chance(this.#random, 0.7)
    const writeId = this.#call.id * 10 + number
    const { announcer } = this.#world
    try {
      if (isWrite) announcer.tell('writing', writeId, this.#client.hostId)
      await this.#client.query(isWrite ? `write ${writeId}` : 'read')
      if (isWrite) announcer.tell('written', writeId, 'written')
      if (isWrite && chance(this.#random, 0.4)) await this.#takeToken(writeId)
      return true
    } catch (error) {
      if (isWrite && saysNotExecuted(error)) announcer.tell('written', writeId, 'not-executed')
      this.#judge(error)
      return false
    }
  }

  /** Does not read for a while, as one who writes what he reads to somebody slow. */
  #readLater(): void {
    this.#resume = this.#client.pause()
    this.#world.loop.afterIo(between(this.#random, 10, 3_000), this.#resume)
  }

  async #takeToken(writeId: number): Promise<void> {
    try {
      this.#world.announcer.tell('tokenTaken', writeId, await this.#world.db.writeToken(this.#client))
    } catch (error) {
      if (!(error instanceof Error && error.name === 'TokenUnavailableError')) throw error
    }
  }

  async #look(writeId: number): Promise<void> {
    try {
      const [sees] = await this.#client.query(`see ${writeId}`)
      this.#world.announcer.tell('looked', this.#call, this.#client.hostId, sees === 'true')
    } catch (error) {
      this.#judge(error)
    }
  }

  /** I9: what was sent and cut off by the manager has an unknown outcome, and is never reported otherwise. */
  #judge(error: unknown): void {
    if (!(error instanceof Error) || !('code' in error)) return this.#violated('I9', `failed with ${String(error)}`)
    const code = String(error.code)
    this.#world.note(() => `call ${this.#call.id}: ${error.message}`)
    if (!code.startsWith('ERR_HASQL') || code === 'ERR_HASQL_CLOSED') return
    const outcome = 'outcome' in error ? error.outcome : undefined
    if (code !== 'ERR_HASQL_HOST_LOST' || outcome !== 'unknown')
      this.#violated('I9', `reported ${code} ${String(outcome)}`)
  }

  #giveBack(): void {
    const client = this.#client
    const { db } = this.#world
    const { release, dispose } = client
    switch (oneOf(this.#random, ['manager', 'own', 'dispose', 'destroy', 'twice', 'stale'] as const)) {
      case 'manager':
        return db.release(client)
      case 'own':
        return client.release()
      case 'dispose':
        return void client[Symbol.asyncDispose]()
      case 'destroy':
        return db.release(client, { destroy: chance(this.#random, 0.5) })
      case 'twice':
        db.release(client)
        return this.#again(() => db.release(client))
      case 'stale':
        client.release()
        dispose()
        return void this.#world.loop.afterIo(between(this.#random, 0, 100), () => this.#again(release))
    }
  }

  /** Giving back again is a typed error, or nothing at all when the connection died; it never ends another lease. */
  #again(release: () => void): void {
    try {
      release()
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      if (code !== 'ERR_HASQL_UNKNOWN_CONNECTION') this.#violated('I3', `released twice: ${String(error)}`)
    }
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#hurry = resolve
      this.#world.loop.afterIo(delayMs, resolve)
    })
  }

  #violated(invariant: string, text: string): void {
    const { hostId, id } = this.#client
    this.#world.violated(invariant, `the lease of call ${this.#call.id} on ${hostId} #${id}: ${text}`)
  }
}

/** The server refused the statement itself, or the manager says that it never reached one. */
export function saysNotExecuted(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return ('code' in error && error.code === '25006') || ('outcome' in error && error.outcome === 'not-executed')
}
