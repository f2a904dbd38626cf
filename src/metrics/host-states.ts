import type { HostDescription } from '../topology/host-description.ts'

type HostState = HostDescription['kind']

/** A record, so that the compiler misses none. */
const ALL: Readonly<Record<HostState, true>> = {
  unknown: true,
  master: true,
  replica: true,
  'read-only-master': true,
  'stale-master': true,
  'rival-master': true,
  'duplicate-master': true,
  'foreign-cluster': true,
  'not-ready': true,
  rejected: true,
  unreachable: true,
}

/** One for what is there, none for every other value that there could be: what monitoring systems compare with. */
export function oneOf<TName extends string>(names: readonly TName[], current: string | undefined): [TName, number][] {
  return names.map((name) => [name, name === current ? 1 : 0])
}

/** All that a host can be, and all that callers can get it as. */
export const HOST_STATES: readonly string[] = Object.keys(ALL)
export const HOST_ROLES = ['master', 'replica'] as const
