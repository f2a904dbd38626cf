import { NotWritableError, OptionsError } from '../errors.ts'
import { isAcceptable } from '../topology/reduce.ts'
import type { TopologyStore } from '../topology/store.ts'
import type { Clock } from '../time/clock.ts'
import { describeState } from './explain.ts'

/** What an operator's word goes through. */
export interface AcceptDeps {
  readonly store: Pick<TopologyStore, 'current' | 'apply'>
  readonly options: { readonly clock: Clock }
}

/** Accepts a host as master: see `BasePoolManager.acceptMaster`. */
export function acceptMaster({ store, options }: AcceptDeps, host: string): void {
  const topology = store.current
  const known = [...topology.hosts.values()].find(({ hostId }) => hostId === host)
  if (known === undefined) {
    throw new OptionsError(
      'host',
      `acceptMaster names '${host}', but the DSN has ${[...topology.hosts.keys()].join(', ')}`,
    )
  }
  const atMs = options.clock.nowMs()
  if (!isAcceptable(known)) {
    throw new NotWritableError({ host, state: known.kind, why: describeState(known, topology, atMs) })
  }
  store.apply({ kind: 'accepted', hostId: known.hostId, atMs })
}
