import { hasqlRival } from './hasql.ts'
import { libpqRival } from './libpq.ts'
import { postgresJsRival } from './postgres-js.ts'
import type { Rival, Target } from './rival.ts'

export const HASQL = 'hasql'
export const HASQL_RETRY = 'hasql with retry'

/** Who is compared: what can be told several hosts, on Node or below. */
export const RIVALS: Readonly<Record<string, (target: Target) => Rival>> = {
  [HASQL]: hasqlRival(false),
  [HASQL_RETRY]: hasqlRival(true),
  'postgres.js': postgresJsRival,
  libpq: libpqRival,
}
