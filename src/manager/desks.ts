import type { Freshness } from '../selection/freshness.ts'
import { AcquireDesk } from './acquire-desk.ts'
import type { Engine } from './engine.ts'
import type { FreshParts } from './fresh-desk.ts'
import { FreshDesk } from './fresh-desk.ts'
import { preferFresh } from './lag-options.ts'
import { Router } from './router.ts'

/** The parts of an engine that desks work with. */
type Owner<TConnection, TPool> = Pick<
  Engine<TConnection, TPool>,
  'candidates' | 'counters' | 'emitter' | 'expiry' | 'monitors' | 'options' | 'store' | 'waiters'
>

/** The desks of one manager: the usual one, and one for each acquisition that demands something of the data. */
export class Desks<TConnection, TPool> {
  readonly usual: AcquireDesk<TConnection, TPool>
  readonly router: Router<TConnection, TPool>
  readonly #parts: FreshParts<TConnection, TPool>

  constructor(owner: Owner<TConnection, TPool>) {
    const { balancerPolicy, random, preferZone } = owner.options
    const isFresh = preferFresh(owner.options)
    const openRouter = (): Router<TConnection, TPool> =>
      new Router(owner.candidates, balancerPolicy, random, preferZone, isFresh)
    this.router = openRouter()
    this.#parts = { ...partsOf(owner), router: this.router, openRouter }
    this.usual = new AcquireDesk(this.#parts)
  }

  freshFor(freshness: Freshness): AcquireDesk<TConnection, TPool> {
    return new FreshDesk(this.#parts, freshness)
  }
}

function partsOf<TConnection, TPool>({
  options: { clock, random },
  ...owner
}: Owner<TConnection, TPool>): Omit<FreshParts<TConnection, TPool>, 'router' | 'openRouter'> {
  const { candidates, counters, emitter, expiry, monitors, store, waiters } = owner
  const acquireListeners = emitter.listenersOf('acquire')
  return {
    clock,
    random,
    waiters,
    expiry,
    topology: () => store.current,
    demandProbes: () => {
      for (const monitor of monitors.values()) monitor.requestProbe('demand')
    },
    askHosts: (gapMs) => {
      for (const monitor of monitors.values()) monitor.requestAnswer(gapMs)
    },
    onGranted: (host, connection, waitedMs, hostWaitMs) => {
      if (acquireListeners.size > 0) emitter.emit('acquire', { host, connection, waitedMs, hostWaitMs })
    },
    onTimeout: (queuedAt, error) => {
      counters.acquireTimeouts += 1
      const ofHost = queuedAt === undefined ? undefined : candidates.get(queuedAt)?.pool.counters
      if (ofHost !== undefined) ofHost.acquireTimeouts += 1
      emitter.emit('acquireTimeout', { error })
    },
  }
}
