/** PostgreSQL settings by name, as in `postgresql.conf`. */
export type ServerSettings = Readonly<Record<string, string | number | boolean>>

/** What makes a throw-away server quick and its failovers prompt. The caller's settings go on top. */
export function defaultSettings(major: number): ServerSettings {
  return {
    fsync: false,
    shared_buffers: '16MB',
    max_connections: 100,
    max_wal_senders: 16,
    wal_level: 'replica',
    hot_standby: true,
    // At the default of 5 s, a promotion after a crash of the master can take as long.
    wal_retrieve_retry_interval: '100ms',
    // A node that was frozen or stopped for a while finds what it missed.
    ...(major >= 13 ? { wal_keep_size: '512MB' } : { wal_keep_segments: 32 }),
    checkpoint_timeout: '1h',
    // Shared memory as files in the data folder: those of a killed server go with the folder.
    dynamic_shared_memory_type: 'mmap',
    password_encryption: 'scram-sha-256',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_line_prefix: '%m [%p] ',
    ...(major >= 18 ? { io_method: 'sync' } : {}),
  }
}

const quote = (value: string | number | boolean): string =>
  `'${String(value).replaceAll('\\', '\\\\').replaceAll("'", "''")}'`

/** The text of a `postgresql.conf`. */
export function renderSettings(settings: Iterable<readonly [string, string | number | boolean]>): string {
  return [...settings].map(([name, value]) => `${name} = ${quote(value)}\n`).join('')
}

/** Whoever owns the socket's folder is trusted, everybody else needs the password. */
export const hostBasedAccess: string = [
  'local all all trust',
  'local replication all trust',
  'host all all 127.0.0.1/32 scram-sha-256',
  'host replication all 127.0.0.1/32 scram-sha-256',
  '',
].join('\n')
