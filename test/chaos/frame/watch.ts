import type { BasePoolManager, HostDescription, HostId, ManagerEvents } from 'hasql'
import { isTrusted } from '../../../src/topology/host-description.ts'
import type { Fence } from '../history/write-record.ts'

/** One state of one host, from when to when. */
interface Stretch {
  readonly host: HostDescription
  readonly fromMs: number
}

/** Whether a host can be leased: its role has been granted, and it is not in doubt; one that is merely busy is not. */
export function isInUse(host: HostDescription): boolean {
  return (host.kind === 'master' || host.kind === 'replica') && isTrusted(host)
}

/** States in which a host may get no lease of any kind. */
const FENCED: ReadonlySet<HostDescription['kind']> = new Set([
  'unreachable',
  'not-ready',
  'rejected',
  'stale-master',
  'rival-master',
  'foreign-cluster',
])

/** Follows what a manager says and does: every state of every host with its moment, every event, every lease. */
export class Watch {
  readonly masterChanges: (ManagerEvents<unknown>['masterChange'] & { readonly atMs: number })[] = []
  readonly staleMasters: HostId[] = []
  readonly splitBrains: ManagerEvents<unknown>['splitBrain'][] = []
  readonly hostDowns: { readonly host: HostId; readonly atMs: number; readonly cause: Error }[] = []
  /** Leases of hosts that were fenced at that moment, in words: there must be none. */
  readonly wrongLeases: string[] = []
  leases = 0
  readonly #stretches = new Map<HostId, Stretch[]>()
  readonly #waiting = new Set<() => void>()

  constructor(db: Pick<BasePoolManager<unknown, unknown>, 'topology' | 'on'>) {
    for (const [hostId, host] of db.topology.hosts) this.#stretches.set(hostId, [{ host, fromMs: performance.now() }])
    db.on('masterChange', (change) => this.masterChanges.push({ ...change, atMs: performance.now() }))
    db.on('staleMaster', ({ host }) => this.staleMasters.push(host))
    db.on('splitBrain', (record) => this.splitBrains.push(record))
    db.on('hostDown', ({ host, cause }) => this.hostDowns.push({ host, atMs: performance.now(), cause }))
    db.on('topologyChange', ({ topology }) => this.#note(topology.hosts))
    db.on('acquire', ({ host }) => {
      this.leases += 1
      const state = db.topology.hosts.get(host)
      if (state === undefined || FENCED.has(state.kind))
        this.wrongLeases.push(`${host} was leased as ${state?.kind ?? 'nothing'}`)
    })
  }

  /** Resolves to the moment since `sinceMs` in which the host first was as wanted; heard, not polled. */
  async moment(
    what: string,
    hostId: HostId,
    isWanted: (host: HostDescription) => boolean,
    { sinceMs = performance.now(), timeoutMs = 10_000 }: { sinceMs?: number; timeoutMs?: number } = {},
  ): Promise<number> {
    const find = (): number | undefined => {
      const stretches = this.#stretches.get(hostId) ?? []
      const index = stretches.findIndex(
        ({ host }, at) => isWanted(host) && (stretches[at + 1]?.fromMs ?? Infinity) > sinceMs,
      )
      const found = stretches[index]
      return found === undefined ? undefined : Math.max(found.fromMs, sinceMs)
    }
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const foundMs = find()
        if (foundMs === undefined) return
        clearTimeout(timer)
        this.#waiting.delete(look)
        resolve(foundMs)
      }
      const timer = setTimeout(() => {
        this.#waiting.delete(look)
        reject(new Error(`Not within ${timeoutMs} ms: ${what}`))
      }, timeoutMs)
      this.#waiting.add(look)
      look()
    })
  }

  /** When hosts could not be leased for writes: not the master, or a master in doubt. */
  fences(): readonly Fence[] {
    return [...this.#stretches].flatMap(([hostId, stretches]) =>
      stretches.flatMap(({ host, fromMs }, at) => {
        const untilMs = stretches[at + 1]?.fromMs ?? Infinity
        return host.kind === 'master' && isInUse(host) ? [] : [{ host: hostId, fromMs, untilMs }]
      }),
    )
  }

  /** Lets go of everything noted so far. */
  forget(): void {
    for (const list of [this.masterChanges, this.staleMasters, this.splitBrains, this.hostDowns]) list.length = 0
    for (const stretches of this.#stretches.values()) stretches.length = 0
  }

  #note(hosts: ReadonlyMap<HostId, HostDescription>): void {
    const fromMs = performance.now()
    for (const [hostId, host] of hosts) {
      const stretches = this.#stretches.get(hostId)
      const last = stretches?.at(-1)?.host
      if (last?.kind !== host.kind || isInUse(last) !== isInUse(host)) stretches?.push({ host, fromMs })
    }
    for (const look of this.#waiting) look()
  }
}
