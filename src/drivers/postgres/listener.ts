import { ManagerClosedError } from '../../errors.ts'
import { systemRandom } from '../../random/system-random.ts'
import { ms } from '../../time/milliseconds.ts'
import { systemClock } from '../../time/system-clock.ts'
import type { Timer } from '../../time/clock.ts'
import type { SlotSource } from './pool-sql.ts'
import type { Slot } from './slot.ts'

/** The longest pause before the master is looked for again. */
const PAUSE_MS = 250

interface Listening {
  readonly told: (payload: string) => void
  readonly listening: (() => void) | undefined
}

/** What `listen` resolves to, as that of postgres.js. */
export interface ListenResult {
  readonly state: unknown
  unlisten(): Promise<void>
}

/**
 * One connection to the master that listens to channels, on top of those that the pool may hold; when it is lost, one to the
 * then master takes over, and listens to all of them. What was sent meanwhile is lost, as ever with NOTIFY.
 */
export class Listener {
  readonly #source: SlotSource
  readonly #channels = new Map<string, Set<Listening>>()
  #slot: Promise<Slot> | undefined
  #pause: Timer | undefined
  #isEnded = false

  constructor(source: SlotSource) {
    this.#source = source
  }

  async listen(channel: string, told: (payload: string) => void, listening?: () => void): Promise<ListenResult> {
    if (this.#isEnded) throw new ManagerClosedError('listen')
    const entry = { told, listening }
    const slot = await (this.#slot ??= this.#open())
    const result = await slot.say(`listen ${quoted(channel)}`)
    const entries = this.#channels.get(channel) ?? new Set()
    this.#channels.set(channel, entries.add(entry))
    listening?.()
    const state: unknown = typeof result === 'object' && result !== null ? Reflect.get(result, 'state') : undefined
    return { state, unlisten: () => this.#unlisten(channel, entry) }
  }

  /** Listens to nothing any more, and gives the connection back. */
  end(): void {
    this.#isEnded = true
    this.#pause?.cancel()
    this.#channels.clear()
    this.#release()
  }

  async #unlisten(channel: string, entry: Listening): Promise<void> {
    const entries = this.#channels.get(channel)
    if (entries?.delete(entry) !== true || entries.size > 0) return
    this.#channels.delete(channel)
    const slot = await this.#slot
    await slot?.say(`unlisten ${quoted(channel)}`)
    if (this.#channels.size === 0) this.#release()
  }

  #release(): void {
    const slot = this.#slot
    this.#slot = undefined
    slot?.then(
      ({ lease }) => lease?.dispose(),
      () => undefined,
    )
  }

  /** Rejects when no master is to be had in time; who listens first is told so. */
  async #open(): Promise<Slot> {
    try {
      const slot = await new Promise<Slot>((resolve, reject) => this.#source.lease(resolve, reject))
      slot.setAside()
      slot.onNotice = (channel, payload) => {
        for (const { told } of this.#channels.get(channel) ?? []) told(payload)
      }
      slot.watchLoss(() => this.#again())
      if (this.#isEnded) slot.lease?.dispose()
      return slot
    } catch (error) {
      this.#slot = undefined
      throw error
    }
  }

  /** Listens on a new connection to all that was listened to. */
  #again(): void {
    this.#slot = undefined
    if (this.#isEnded || this.#channels.size === 0) return
    const slot = this.#open()
    this.#slot = slot
    slot
      .then(async (open) => {
        for (const [channel, entries] of this.#channels) {
          await open.say(`listen ${quoted(channel)}`)
          for (const { listening } of entries) listening?.()
        }
      })
      .catch(() => {
        // A connection that is lost has it begin again by itself.
        if (this.#slot !== undefined || this.#isEnded) return
        this.#pause = systemClock.setTimer(ms(PAUSE_MS * (0.5 + 0.5 * systemRandom())), () => this.#again(), 'nothing')
      })
  }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
