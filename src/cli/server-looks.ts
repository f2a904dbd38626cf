import type { Driver, ProbeConnection } from '../driver/driver.ts'
import type { HostId, HostSpec } from '../dsn/host-spec.ts'
import { Probe } from '../monitor/probe.ts'
import { addressesOf } from '../network/addresses.ts'
import type { Address, Lookup } from '../network/lookup.ts'
import { readWaitingSessions, SYNC_WAIT_QUERY } from '../monitor/sync-wait.ts'
import type { WaitingSessions } from '../monitor/sync-wait.ts'
import type { Clock } from '../time/clock.ts'
import { Limit } from './limit.ts'
import { fixedLookup } from './look-all-up.ts'
import { isName } from './target.ts'
import type { Looks, ServerSeen } from './verdict.ts'

/** So many fresh connections to a host show whether it leads to several servers. */
const LOOKS = 4

/** What further looks are made with. */
export interface LookMeans {
  readonly clock: Clock
  readonly driver: Pick<Driver<unknown, unknown>, 'openProbe'>
  readonly lookup: Lookup
  readonly limitMs: number
}

/** What `hasql status` learns of the hosts beside their answers to checks. */
export class ServerLooks implements Looks {
  readonly waiting: Map<HostId, WaitingSessions> = new Map()
  readonly servers: Map<HostId, readonly ServerSeen[]> = new Map()

  /** The driver, asking each time it is asked for a role which sessions wait for a synchronous standby. */
  watching<TConnection, TPool>(driver: Driver<TConnection, TPool>): Driver<TConnection, TPool> {
    return {
      ...driver,
      openProbe: (spec, options) => {
        const probe = driver.openProbe(spec, options)
        return {
          get isLoggedIn() {
            return probe.isLoggedIn
          },
          destroy: () => probe.destroy(),
          query: async (sql) => {
            const row = await probe.query(sql)
            const isMaster = row[0] === 'false'
            if (isMaster) this.#noteWaiting(spec.hostId, await askWaiting(probe))
            return row
          },
        }
      },
    }
  }

  /** Those that were seen waiting before come first. */
  #noteWaiting(hostId: HostId, { waiting, sessions }: WaitingSessions): void {
    const before = this.waiting.get(hostId)?.sessions.filter((each) => sessions.includes(each)) ?? []
    this.waiting.set(hostId, { waiting, sessions: [...new Set([...before, ...sessions])] })
  }

  /** Connects anew to the hosts, several times to each, and notes the servers that answered. Never rejects. */
  async lookBehind(specs: readonly HostSpec[], means: LookMeans): Promise<void> {
    const limit = new Limit(means.clock, means.limitMs)
    await Promise.all(
      specs.map(async (spec) => {
        const addresses = await addressesFor(spec, means.lookup, limit)
        const seen: ServerSeen[] = []
        // A name that was not found leads nowhere.
        const turns = isName(spec) && addresses.length === 0 ? 0 : LOOKS
        let isWhole = false
        for (let turn = 0; turn < turns; turn += 1) {
          const server = await lookOnce(spec, turned(addresses, turn), means, limit)
          // A host that cannot be had, or does not say who it is, will not say more.
          if (server === undefined) break
          seen.push(server)
          isWhole = seen.length === turns || isReachedDirectly(spec, addresses, server)
          if (isWhole) break
        }
        // A look that was cut short takes nothing back of what a longer one has seen.
        if (seen.length >= (this.servers.get(spec.hostId)?.length ?? 0) || isWhole) this.servers.set(spec.hostId, seen)
      }),
    )
  }
}

/** Whoever may not ask sees nobody wait; if the connection is gone, the next question says so. */
function askWaiting(probe: ProbeConnection): Promise<WaitingSessions> {
  return probe.query(SYNC_WAIT_QUERY).then(readWaitingSessions, () => ({ waiting: 0, sessions: [] }))
}

async function addressesFor(spec: HostSpec, lookup: Lookup, limit: Limit): Promise<readonly Address[]> {
  if (!isName(spec)) return []
  return limit
    .within(
      () => addressesOf(spec.host, lookup).catch(() => []),
      () => undefined,
    )
    .catch(() => [])
}

/** Whether the server knows itself by the very address that was dialled: then nothing stands in between that could lead elsewhere. */
function isReachedDirectly(spec: HostSpec, addresses: readonly Address[], { address }: ServerSeen): boolean {
  const dialled = addresses.length === 0 ? [spec.hostAddress ?? spec.host] : addresses.map((each) => each.address)
  return dialled.length === 1 && address === `${dialled[0] ?? ''}:${spec.port}`
}

/** The same addresses, another one first: a socket takes the first that answers. */
function turned<T>(list: readonly T[], by: number): readonly T[] {
  const at = list.length === 0 ? 0 : by % list.length
  return [...list.slice(at), ...list.slice(0, at)]
}

async function lookOnce(
  spec: HostSpec,
  addresses: readonly Address[],
  { clock, driver }: LookMeans,
  limit: Limit,
): Promise<ServerSeen | undefined> {
  const probe = new Probe(
    clock,
    ({ onLost }) =>
      driver.openProbe(spec, { hold: 'process', onLost, onHint: () => undefined, lookup: fixedLookup(addresses) }),
    () => undefined,
  )
  try {
    const { answer } = await limit.within(
      () => probe.ask(),
      () => probe.destroy(),
    )
    if (answer.incarnation === undefined) return undefined
    const id = `${answer.systemId ?? ''} ${answer.incarnation} ${answer.serverAddress ?? ''}`
    return { id, address: answer.serverAddress, role: answer.inRecovery ? 'replica' : 'master' }
  } catch {
    return undefined
  } finally {
    probe.destroy()
  }
}
