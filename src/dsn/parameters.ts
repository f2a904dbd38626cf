/** What the table of parameters knows about one of them. */
export interface ParameterRule {
  /** The environment variable that is its default. */
  readonly variable?: string
  /** True when its value must never be shown. */
  readonly secret?: true
  /** True when its value makes us read what the DSN's author chose. */
  readonly file?: true
}

/** One parameter as given: by the connection string, a service file, or the environment. */
export interface GivenParameter {
  readonly value: string
  readonly origin: 'dsn' | 'service' | 'environment'
  /** Offset of the value in the connection string; undefined for the other origins. */
  readonly position: number | undefined
  /** For a list in the authority of a URI: the offset of each item, and the mark that hasql's port rule applies. */
  readonly authorityPositions?: readonly number[]
}

export type Parameters = ReadonlyMap<string, GivenParameter>

/** All parameters of libpq 18, in its order. */
export const PARAMETERS: ReadonlyMap<string, ParameterRule> = new Map<string, ParameterRule>([
  ['service', { variable: 'PGSERVICE', file: true }],
  ['user', { variable: 'PGUSER' }],
  ['password', { variable: 'PGPASSWORD', secret: true }],
  ['passfile', { variable: 'PGPASSFILE', secret: true, file: true }],
  ['channel_binding', { variable: 'PGCHANNELBINDING' }],
  ['connect_timeout', { variable: 'PGCONNECT_TIMEOUT' }],
  ['dbname', { variable: 'PGDATABASE' }],
  ['host', { variable: 'PGHOST' }],
  ['hostaddr', { variable: 'PGHOSTADDR' }],
  ['port', { variable: 'PGPORT' }],
  ['client_encoding', { variable: 'PGCLIENTENCODING' }],
  ['options', { variable: 'PGOPTIONS' }],
  ['application_name', { variable: 'PGAPPNAME' }],
  ['fallback_application_name', {}],
  ['keepalives', {}],
  ['keepalives_idle', {}],
  ['keepalives_interval', {}],
  ['keepalives_count', {}],
  ['tcp_user_timeout', {}],
  ['sslmode', { variable: 'PGSSLMODE' }],
  ['sslnegotiation', { variable: 'PGSSLNEGOTIATION' }],
  ['sslcompression', { variable: 'PGSSLCOMPRESSION' }],
  ['sslcert', { variable: 'PGSSLCERT', file: true }],
  ['sslkey', { variable: 'PGSSLKEY', file: true }],
  ['sslcertmode', { variable: 'PGSSLCERTMODE' }],
  ['sslpassword', { secret: true }],
  ['sslrootcert', { variable: 'PGSSLROOTCERT', file: true }],
  ['sslcrl', { variable: 'PGSSLCRL', file: true }],
  ['sslcrldir', { variable: 'PGSSLCRLDIR', file: true }],
  ['sslsni', { variable: 'PGSSLSNI' }],
  ['requirepeer', { variable: 'PGREQUIREPEER' }],
  ['require_auth', { variable: 'PGREQUIREAUTH' }],
  ['min_protocol_version', { variable: 'PGMINPROTOCOLVERSION' }],
  ['max_protocol_version', { variable: 'PGMAXPROTOCOLVERSION' }],
  ['ssl_min_protocol_version', { variable: 'PGSSLMINPROTOCOLVERSION' }],
  ['ssl_max_protocol_version', { variable: 'PGSSLMAXPROTOCOLVERSION' }],
  ['gssencmode', { variable: 'PGGSSENCMODE' }],
  ['krbsrvname', { variable: 'PGKRBSRVNAME' }],
  ['gsslib', { variable: 'PGGSSLIB' }],
  ['gssdelegation', { variable: 'PGGSSDELEGATION' }],
  ['replication', {}],
  ['target_session_attrs', { variable: 'PGTARGETSESSIONATTRS' }],
  ['load_balance_hosts', { variable: 'PGLOADBALANCEHOSTS' }],
  ['scram_client_key', { secret: true }],
  ['scram_server_key', { secret: true }],
  ['oauth_issuer', {}],
  ['oauth_client_id', {}],
  ['oauth_client_secret', { secret: true }],
  ['oauth_scope', {}],
  ['sslkeylogfile', { file: true }],
])
