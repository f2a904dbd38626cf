import { hiddenOf } from '../manager/explain.ts'
import type { Lack } from '../topology/host-description.ts'
import { shown } from './shown.ts'

/** Who the role is and what it may see; the same on PostgreSQL 12 to 18. */
export const RIGHTS_QUERY = `select current_user,
  pg_catalog.split_part(pg_catalog.current_setting('server_version'), ' ', 1),
  pg_catalog.current_setting('is_superuser'),
  pg_catalog.pg_has_role(current_user, 'pg_monitor', 'usage')::pg_catalog.text,
  pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'usage')::pg_catalog.text,
  (pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'execute')
    and pg_catalog.has_function_privilege('pg_catalog.pg_control_checkpoint()', 'execute')
    and pg_catalog.has_function_privilege('pg_catalog.pg_control_recovery()', 'execute'))::pg_catalog.text,
  (pg_catalog.has_function_privilege('pg_catalog.pg_current_wal_lsn()', 'execute')
    and pg_catalog.has_function_privilege('pg_catalog.pg_last_wal_replay_lsn()', 'execute'))::pg_catalog.text`

/** The answer in words. */
export interface Rights {
  readonly version: string
  readonly text: string
  /** What is not seen for want of a right, and what it takes; undefined when nothing is. */
  readonly lack: string | undefined
}

export function readRights([user, version, superuser, monitor, stats, control, position]: readonly (
  string | null
)[]): Rights {
  const who = shown(user ?? '?')
  const kind =
    superuser === 'on' ? 'superuser' : monitor === 'true' ? 'member of pg_monitor' : 'no member of pg_monitor'
  const lacks: string[] = []
  if (control !== 'true')
    lacks.push('which cluster a host belongs to, and the timeline and lag of a replica (pg_control_* functions)')
  if (position !== 'true') lacks.push('lag and write tokens (pg_current_wal_lsn, pg_last_wal_replay_lsn)')
  if (stats !== 'true')
    lacks.push('the timeline a replica receives: after a promotion its lag is not known for a while')
  return {
    version: shown(version ?? '?'),
    text: `${who}, ${kind}${lacks.length === 0 ? ': sees all that hasql asks for' : `: does not see ${lacks.join('; ')}`}`,
    lack: lacks.length === 0 ? undefined : `To see it: grant pg_monitor to ${quoted(who)}; roles work without.`,
  }
}

/** What a server does not show though the role has every right to see it, and what that costs; undefined when it shows all. */
export function hiddenAdvice(lacks: readonly Lack[]): string | undefined {
  const what = hiddenOf(lacks)
  if (what === undefined) return undefined
  const lost = [
    ...(lacks.includes('position') || lacks.includes('systemId') ? ['no write tokens'] : []),
    ...(lacks.includes('position') || lacks.includes('timeline') ? ['no lag of replicas'] : []),
    ...(lacks.includes('timeline') ? ['no fencing of a master that was left behind'] : []),
    ...(lacks.includes('systemId') ? ['no way to tell another cluster'] : []),
  ]
  return `The server ${what} (Amazon Aurora does not either): hasql has ${lost.join(', ')}. Roles and failovers are followed all the same.`
}

function quoted(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`
}
