import { redact } from '../dsn/redact.ts'
import { describeState } from '../manager/explain.ts'
import { diffTopology } from '../topology/diff.ts'
import type { TopologyChange } from '../topology/diff.ts'
import type { Topology } from '../topology/topology.ts'
import { spanOf } from './take-view.ts'
import type { ChangeView, Level, Span } from './view.ts'

/** So many lines, and so many spans of each host, are remembered. */
const REMEMBERED = 100

/** What happened to the hosts, in words and as spans of time. A callback for each change, and no timer. */
export class ChangeLog {
  readonly #changes: ChangeView[] = []
  readonly #spans = new Map<string, Span[]>()
  #before: Topology
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
    for (const change of diffTopology(this.#before, topology)) this.#note(change, topology, nowMs)
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

  #note(change: TopologyChange, topology: Topology, atMs: number): void {
    const said = wording(change, topology)
    if (said === undefined) return
    const [level, text] = said
    keep(this.#changes, { id: (this.#lastId += 1), atMs, level, text: redact(text) })
  }
}

function keep<T>(list: T[], item: T): void {
  list.push(item)
  if (list.length > REMEMBERED) list.shift()
}

function wording(change: TopologyChange, topology: Topology): readonly [Level, string] | undefined {
  switch (change.kind) {
    case 'host-changed': {
      const { after } = change
      const level = after.kind === 'master' ? 'ok' : after.kind === 'replica' ? 'info' : 'bad'
      return [level, `${after.hostId} ${describeState(after, topology)}`]
    }
    case 'host-suspected':
      return ['warn', `${change.host.hostId} ${describeState(change.host, topology)}`]
    case 'master-changed':
      if (change.before === undefined) return undefined
      return ['ok', `The master is ${change.after} now; before, it was ${change.before}`]
    case 'master-lost':
      return ['bad', 'No master is known: writes wait']
    case 'master-found':
      return ['ok', `A master is known after ${(change.outageMs / 1_000).toFixed(2)} s: writes go on`]
    case 'connections-void':
      return undefined
  }
}
