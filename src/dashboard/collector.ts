import type { Clock, Timer } from '../time/clock.ts'
import { ms } from '../time/milliseconds.ts'
import { systemClock } from '../time/system-clock.ts'
import { ChangeLog } from './change-log.ts'
import { takeView } from './take-view.ts'
import type { Message, Sample, StateView } from './view.ts'
import type { DashboardOptions, WatchedManager } from './watched.ts'

/** Somebody who looks at the page. */
export interface Viewer {
  /** Takes a server-sent event. May drop it while the one before is under way; it asks for `greeting` then. */
  send(event: string): void
  end(): void
}

const SAMPLE_MS = ms(1_000)
/** Changes that come one upon the other are told together. */
const GATHER_MS = ms(20)
const MOST_VIEWERS = 100
/** Five minutes. */
const SAMPLES_KEPT = 300

/**
 * Looks at a manager once a second for all who look at the page, and at once when something changes. While nobody looks,
 * no timer runs; only the changes are noted, at most a hundred.
 */
export class Collector {
  readonly #db: WatchedManager
  readonly #options: DashboardOptions
  readonly #clock: Clock
  readonly #viewers = new Set<Viewer>()
  readonly #samples: Sample[] = []
  readonly #log: ChangeLog
  readonly #stopListening: () => void
  #told = 0
  #closed = false
  #next: Timer | undefined
  #soon: Timer | undefined

  constructor(db: WatchedManager, options: DashboardOptions, clock: Clock = systemClock) {
    this.#db = db
    this.#options = options
    this.#clock = clock
    this.#log = new ChangeLog(db.topology)
    this.#stopListening = db.on('topologyChange', ({ topology }) => this.#changed(topology))
  }

  /** Why nobody else can look; undefined: they can. */
  get refusal(): 'closed' | 'full' | undefined {
    if (this.#db.closing || this.#closed) return 'closed'
    return this.#viewers.size >= MOST_VIEWERS ? 'full' : undefined
  }

  view(): StateView {
    return takeView(this.#db, this.#options.title ?? 'PostgreSQL', this.#options.actions)
  }

  /** Everything a new viewer, or one who missed something, has to know. */
  greeting(): string {
    const nowMs = this.#clock.nowMs()
    this.#log.look(this.#db.topology, nowMs)
    const history = { samples: this.#samples, spans: this.#log.spans }
    return toEvent({ nowMs, state: this.view(), changes: this.#log.since(0), tick: false, history })
  }

  attach(viewer: Viewer): void {
    this.#viewers.add(viewer)
    viewer.send(this.greeting())
    if (this.#next === undefined) this.#tick()
  }

  detach(viewer: Viewer): void {
    this.#viewers.delete(viewer)
    if (this.#viewers.size === 0) this.#rest()
  }

  /** Sends everybody away and stops listening to the manager. */
  close(): void {
    this.#closed = true
    this.#stopListening()
    this.#endAll()
  }

  #changed(topology: WatchedManager['topology']): void {
    this.#log.look(topology, this.#clock.nowMs())
    if (this.#viewers.size === 0) return
    this.#soon ??= this.#clock.setTimer(
      GATHER_MS,
      () => {
        this.#soon = undefined
        this.#tell(false)
      },
      'nothing',
    )
  }

  #tick(): void {
    this.#next = this.#clock.setTimer(SAMPLE_MS, () => this.#tick(), 'nothing')
    this.#log.look(this.#db.topology, this.#clock.nowMs())
    this.#tell(true)
    if (this.#db.closing) this.#endAll()
  }

  #tell(tick: boolean): void {
    const nowMs = this.#clock.nowMs()
    const state = this.view()
    if (tick) this.#sample(nowMs, state)
    const changes = this.#log.since(this.#told)
    this.#told = this.#log.lastId
    const event = toEvent({ nowMs, state, changes, tick })
    for (const viewer of this.#viewers) viewer.send(event)
  }

  #sample(atMs: number, { hosts }: StateView): void {
    this.#samples.push({
      atMs,
      hosts: hosts.map(({ responseTimeMs, lagMs, acquires }) => [responseTimeMs ?? null, lagMs ?? null, acquires]),
    })
    if (this.#samples.length > SAMPLES_KEPT) this.#samples.shift()
  }

  #endAll(): void {
    for (const viewer of [...this.#viewers]) viewer.end()
    this.#viewers.clear()
    this.#rest()
  }

  #rest(): void {
    this.#next?.cancel()
    this.#soon?.cancel()
    this.#next = undefined
    this.#soon = undefined
  }
}

function toEvent(message: Message): string {
  return `data: ${JSON.stringify(message)}\n\n`
}
