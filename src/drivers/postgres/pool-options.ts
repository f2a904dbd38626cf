import type postgres from 'postgres'

/**
 * postgres.js' own options, without those that the DSN decides.
 *
 * `ssl` and `password`, when given, replace what the DSN says for every host; `password` may be a function, which is called
 * for each connection (for tokens that expire). `max` (default 10) is the most connections to each host.
 */
export type PostgresPoolOptions = Omit<
  postgres.Options<Record<string, postgres.PostgresType>>,
  | 'host'
  | 'hostname'
  | 'port'
  | 'path'
  | 'database'
  | 'db'
  | 'user'
  | 'username'
  | 'pass'
  | 'connect_timeout'
  | 'target_session_attrs'
  | 'backoff'
  | 'timeout'
>
