import { join } from 'node:path'
import type { Binaries } from './binaries.ts'
import type { ResolvedClusterOptions } from './cluster-options.ts'
import { NodeServer } from './node-server.ts'
import { takePort } from './ports.ts'
import type { RunFolder } from './run-folder.ts'
import { defaultSettings } from './server-settings.ts'
import type { ServerSettings } from './server-settings.ts'

/** What all nodes of one cluster have in common. */
export interface ClusterGround {
  readonly run: RunFolder
  readonly binaries: Binaries
  readonly options: ResolvedClusterOptions
  /** Settings for TLS, if any. */
  readonly tls: ServerSettings
}

/** Makes a server for a data folder; it is configured, and not started. */
export async function makeServer(ground: ClusterGround, name: string, dataFolder: string): Promise<NodeServer> {
  const { run, binaries, options } = ground
  const port = await takePort()
  const place = {
    name,
    binaries: binaries.folder,
    dataFolder,
    logFile: join(run.path, `${port}.log`),
    runFolder: run.path,
    user: run.user,
  }
  const settings = {
    ...defaultSettings(binaries.major),
    ...options.settings,
    ...ground.tls,
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: run.path,
    cluster_name: name,
  }
  const about = { port, major: binaries.major, database: options.database, startTimeoutMs: options.startTimeoutMs }
  return new NodeServer(place, about, Object.entries(settings))
}
