import type { ResolvedContext } from './context.ts'
import { DsnError } from './dsn-error.ts'
import type { Parameters } from './parameters.ts'
import { integerOf, oneOf, oneOfIfGiven, textOf } from './values.ts'

const TARGET_SESSION_ATTRS = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const
const LOAD_BALANCE_HOSTS = ['disable', 'random'] as const

/** Which hosts a bare request is content with: libpq's `target_session_attrs`. */
export type TargetSessionAttrs = (typeof TARGET_SESSION_ATTRS)[number]

/** libpq's `load_balance_hosts`. */
export type LoadBalanceHosts = (typeof LOAD_BALANCE_HOSTS)[number]

/** What is the same for all hosts of one connection string. */
export interface Settings {
  readonly user: string
  readonly database: string
  readonly targetSessionAttrs: TargetSessionAttrs | undefined
  readonly loadBalanceHosts: LoadBalanceHosts
  readonly applicationName: string | undefined
  readonly serverOptions: string | undefined
  readonly connectTimeoutMs: number | undefined
  readonly keepAlive: boolean
  readonly keepAliveIdleMs: number | undefined
}

export function readSettings(parameters: Parameters, context: ResolvedContext): Settings {
  const user = textOf(parameters, 'user') ?? context.findUserName()
  if (user === undefined) {
    throw new DsnError('no-user', 'no user is given and the operating system knows none: add user', {
      parameter: 'user',
    })
  }
  return {
    user,
    database: textOf(parameters, 'dbname') ?? user,
    targetSessionAttrs: oneOfIfGiven(parameters, 'target_session_attrs', TARGET_SESSION_ATTRS),
    loadBalanceHosts: oneOf(parameters, 'load_balance_hosts', LOAD_BALANCE_HOSTS, 'disable'),
    applicationName: applicationName(parameters),
    serverOptions: textOf(parameters, 'options'),
    connectTimeoutMs: positiveMs(integerOf(parameters, 'connect_timeout')),
    keepAlive: integerOf(parameters, 'keepalives') !== 0,
    keepAliveIdleMs: positiveMs(integerOf(parameters, 'keepalives_idle')),
  }
}

/** An empty `application_name` hides the fallback too, as in libpq. */
function applicationName(parameters: Parameters): string | undefined {
  const name = parameters.has('application_name') ? 'application_name' : 'fallback_application_name'
  return textOf(parameters, name)
}

/** The longest delay a Node.js timer can have: about 24.8 days. */
const MAX_DELAY_MS = 2_147_483_647

function positiveMs(seconds: number | undefined): number | undefined {
  if (seconds === undefined || seconds <= 0) return undefined
  return Math.min(seconds * 1000, MAX_DELAY_MS)
}
