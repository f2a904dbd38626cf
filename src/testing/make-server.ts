import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Binaries } from './binaries.ts'
import { cloneFrom } from './clone.ts'
import type { ResolvedClusterOptions } from './cluster-options.ts'
import { NodeServer } from './node-server.ts'
import { takePort } from './ports.ts'
import { configureReplica, waitUntilStreaming } from './replication.ts'
import type { RunFolder } from './run-folder.ts'
import { defaultSettings } from './server-settings.ts'
import type { ServerSettings } from './server-settings.ts'
import { giveTo } from './server-user.ts'
import { copyFolder, openTemplate, passwordStatement } from './template.ts'
import { makeTlsCertificate } from './tls-certificate.ts'

/** The settings that turn TLS on, and what clients have to trust. */
export interface TlsGround {
  readonly certificate: string | undefined
  readonly settings: ServerSettings
}

/** What all nodes of one cluster have in common. */
export interface ClusterGround {
  readonly run: RunFolder
  readonly binaries: Binaries
  readonly options: ResolvedClusterOptions
  readonly tls: TlsGround
}

/** Makes a certificate for a cluster's servers. */
export function makeTls(run: RunFolder): TlsGround {
  const folder = run.makeFolder('tls')
  const { certificate, key } = makeTlsCertificate()
  for (const [name, text] of [
    ['server.crt', certificate],
    ['server.key', key],
  ] as const) {
    writeFileSync(join(folder, name), text, { mode: 0o600 })
    giveTo(run.user, join(folder, name))
  }
  const settings = {
    ssl: true,
    ssl_cert_file: join(folder, 'server.crt'),
    ssl_key_file: join(folder, 'server.key'),
  }
  return { certificate, settings }
}

/** Makes a server with an empty data folder; it is configured, and not started. */
export async function makeServer(ground: ClusterGround, number: number): Promise<NodeServer> {
  const { run, binaries, options } = ground
  const name = `node${number}`
  const dataFolder = run.makeFolder('data')
  const port = await takePort()
  const place = {
    name,
    binaries: binaries.folder,
    dataFolder,
    logFile: `${dataFolder}.log`,
    runFolder: run.path,
    user: run.user,
  }
  const settings = {
    ...defaultSettings(binaries.major),
    ...options.settings,
    ...ground.tls.settings,
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: run.path,
    cluster_name: name,
  }
  const about = { port, major: binaries.major, database: options.database, startTimeoutMs: options.startTimeoutMs }
  return new NodeServer(place, about, Object.entries(settings))
}

async function setPassword(master: NodeServer, options: ResolvedClusterOptions): Promise<void> {
  await master.session(async (session) => {
    // Whatever the caller wants to see in the log, a password is not part of it.
    await session.query("set log_statement = 'none'; set log_min_duration_statement = -1; set log_duration = off")
    await session.query(passwordStatement(options.user, options.password))
  })
}

/** Fills the data folders from one template and starts the servers: the first as master, the others streaming from it. */
export async function startServers(ground: ClusterGround, servers: readonly NodeServer[]): Promise<void> {
  const { run, binaries, options } = ground
  const template = await openTemplate(run, binaries, options)
  await Promise.all(servers.map(({ place }) => copyFolder(run, template, place.dataFolder)))
  const [master, ...replicas] = servers
  if (master === undefined) return
  for (const replica of replicas) configureReplica(replica, master)
  // All of them are waited for, so that none is still starting when a failure closes the cluster.
  const started = await Promise.allSettled(servers.map((server) => server.start()))
  const failed = started.find((each) => each.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  await setPassword(master, options)
  await Promise.all(replicas.map((replica) => waitUntilStreaming(replica, master)))
}

/** Starts a server as a replica with a fresh copy of the source. */
export async function startClone(server: NodeServer, source: NodeServer): Promise<void> {
  await cloneFrom(source, server)
  configureReplica(server, source)
  await server.start()
  await waitUntilStreaming(server, source)
}
