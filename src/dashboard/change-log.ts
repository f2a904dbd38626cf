import { ChangeLog as Wording } from '../manager/change-log.ts'
import { diffTopology } from '../topology/diff.ts'
import type { Topology } from '../topology/topology.ts'
import { spanOf } from './take-view.ts'
import type { ChangeView, Level, Span } from './view.ts'

/** So many lines, and so many spans of each host, are remembered. */
const REMEMBERED = 100

/** What happened to the hosts, in the words that a logger gets, and as spans of time. A callback for each change, and no timer. */
export class ChangeLog {
  readonly #changes: ChangeView[] = []
  readonly #spans = new Map<string, Span[]>()
  readonly #wording = new Wording(
    {
      debug: () => undefined,
      info: (line) => this.#write('info', line),
      warn: (line) => this.#write('warn', line),
      error: (line) => this.#write('bad', line),
    },
    () => undefined,
  )
  #before: Topology
  #nowMs = 0
  #lastId = 0

  constructor(topology: Topology) {
    this.#before = topology
    this.look(topology, 0)
  }

  get lastId(): number {
    return this.#lastId
  }

  /** Notes what is new. */
  look(topology: Topology, nowMs: number): void {
    this.#nowMs = nowMs
    for (const change of diffTopology(this.#before, topology)) this.#wording.changed(change, topology, nowMs)
    this.#before = topology
    for (const host of topology.hosts.values()) {
      const spans = this.#spans.get(host.hostId) ?? []
      this.#spans.set(host.hostId, spans)
      const span = spanOf(host)
      const last = spans.at(-1)
      if (last?.[1] === span[1]) continue
      // A host whose doubt is over has been what it is since before the doubt.
      keep(spans, last !== undefined && span[0] < last[0] ? [nowMs, span[1]] : span)
    }
  }

  since(id: number): readonly ChangeView[] {
    return this.#changes.filter((change) => change.id > id)
  }

  /** In the order of the DSN, oldest first. */
  get spans(): readonly (readonly Span[])[] {
    return [...this.#spans.values()]
  }

  #write(level: Level, line: string): void {
    keep(this.#changes, {
      id: (this.#lastId += 1),
      atMs: this.#nowMs,
      level,
      text: line.replace('hasql: ', ''),
    })
  }
}

function keep<T>(list: T[], item: T): void {
  list.push(item)
  if (list.length > REMEMBERED) list.shift()
}
