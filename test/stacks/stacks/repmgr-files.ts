/** Where a repmgr node lives. */
export interface RepmgrPlace {
  /** Its number in repmgr's tables, from 1. */
  readonly id: number
  readonly name: string
  readonly port: number
  readonly dataFolder: string
  /** Logs, sockets and repmgr's own files. */
  readonly folder: string
  /** PostgreSQL's programs. */
  readonly binaries: string
}

/** How everybody who manages the node connects to it; frozen servers are given up after 2 s. */
export function nodeConninfo({ port }: RepmgrPlace): string {
  return `host=127.0.0.1 port=${port} user=repmgr dbname=repmgr connect_timeout=2`
}

/**
 * The arguments of `pg_ctl` that start the node. Its port is on the command line: a rejoin by pg_rewind copies the
 * configuration files of the other node.
 */
export function startArguments({ name, port, dataFolder, folder }: RepmgrPlace): readonly string[] {
  return ['-D', dataFolder, '-l', `${folder}/${name}.log`, '-w', '-o', `-p ${port}`, 'start']
}

/** The node's `repmgr.conf`: failover by repmgrd within about 4 s after the primary was seen last. */
export function repmgrConf(place: RepmgrPlace): string {
  const { id, name, dataFolder, folder, binaries } = place
  const file = `${folder}/${name}.conf`
  const repmgr = `${binaries}/repmgr`
  const start = startArguments(place).map((word) => (word.includes(' ') ? `"${word}"` : word))
  const settings = {
    node_id: id,
    node_name: name,
    conninfo: nodeConninfo(place),
    data_directory: dataFolder,
    pg_bindir: binaries,
    failover: 'automatic',
    promote_command: `${repmgr} standby promote -f ${file}`,
    follow_command: `${repmgr} standby follow -f ${file} --upstream-node-id=%n`,
    service_start_command: `${binaries}/pg_ctl ${start.join(' ')}`,
    ssh_options: '-q',
    monitor_interval_secs: 1,
    reconnect_attempts: 3,
    reconnect_interval: 1,
  }
  return Object.entries(settings)
    .map(([key, value]) => `${key}='${String(value)}'\n`)
    .join('')
}

/** Stands in for ssh: all nodes are on one machine, so it runs the command there. */
export const SSH_STAND_IN = `#!/bin/sh
while [ $# -gt 0 ]; do
  case "$1" in
    -o) shift 2 ;;
    -*) shift ;;
    *) break ;;
  esac
done
shift
exec sh -c "$*"
`

/**
 * The files that `repmgr standby switchover` leaves in /tmp, named after the second in which they were made: those of a
 * stretch of time, in seconds.
 */
export function rejoinLogs(names: readonly string[], fromS: number, untilS: number): readonly string[] {
  return names.filter((name) => {
    const madeS = Number(/^node-rejoin\.(\d+)\.log$/.exec(name)?.[1] ?? Number.NaN)
    return madeS >= fromS && madeS <= untilS
  })
}
