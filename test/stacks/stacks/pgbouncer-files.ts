/** How a PgBouncer hands its server connections on. */
export type PoolMode = 'session' | 'transaction'

/** Who may connect through it, and with which password. */
export interface PoolerUser {
  readonly name: string
  readonly password: string
}

/** One PgBouncer in front of one server. */
export interface PoolerPlace {
  readonly poolMode: PoolMode
  readonly listenPort: number
  readonly serverPort: number
  readonly database: string
  /** Whom its admin console obeys. */
  readonly admin: string
  readonly authFile: string
}

/**
 * The text of a `pgbouncer.ini`: a pool of five, and a second, not the default of fifteen, in which it refuses everybody
 * after a server has refused it.
 */
export function pgbouncerIni(place: PoolerPlace): string {
  const { poolMode, listenPort, serverPort, database, admin, authFile } = place
  return `[databases]
${database} = host=127.0.0.1 port=${serverPort} dbname=${database}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${listenPort}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${authFile}
admin_users = ${admin}
pool_mode = ${poolMode}
default_pool_size = 5
max_client_conn = 200
server_login_retry = 1
ignore_startup_parameters = extra_float_digits
`
}

/** The text of an `auth_file`. */
export function userList(users: readonly PoolerUser[]): string {
  const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`
  return users.map(({ name, password }) => `${quoted(name)} ${quoted(password)}\n`).join('')
}
