import { join } from 'node:path'
import type { Ground } from '../frame/ground.ts'
import type { Need, Stack, StackKind } from '../frame/stack.ts'
import { until } from '../frame/waiting.ts'
import { killPostmaster, killPostmasterAndAgent } from '../scenarios/crashes.ts'
import { freezeBoth } from '../scenarios/frozen.ts'
import { restart } from '../scenarios/planned.ts'
import { mistakenPromotion } from '../scenarios/promoted.ts'
import { proxyReload } from '../scenarios/endpoints.ts'
import { switchover } from '../scenarios/switchover.ts'
import { endpointOn } from './endpoint.ts'
import { applicationDsn, PatroniCluster, PATRONI_NEEDS } from './patroni-cluster.ts'
import type { PatroniNode } from './patroni-cluster.ts'

const NEEDS: readonly Need[] = [...PATRONI_NEEDS, { program: 'haproxy', debianPackage: 'haproxy' }]

interface Ports {
  readonly write: number
  readonly read: number
}

/** Patroni's template for HAProxy: a port for writes and one for reads, and checks against Patroni's REST interface. */
function settings(nodes: readonly PatroniNode[], ports: Ports, folder: string, isSticky: boolean): string {
  // Patroni's own template asks every 3 s: the old server is back, as a replica, before it is marked down.
  const defaults = isSticky ? 'inter 3s fall 3 rise 3' : 'inter 1s fall 3 rise 2 on-marked-down shutdown-sessions'
  const listen = (name: string, port: number, path: string): string =>
    [
      `listen ${name}`,
      `  bind 127.0.0.1:${port}`,
      `  option httpchk OPTIONS ${path}`,
      '  http-check expect status 200',
      `  default-server ${defaults}`,
      ...nodes.map((node) => `  server ${node.name} 127.0.0.1:${node.port} check port ${node.restPort}`),
      '',
    ].join('\n')
  return [
    'global',
    '  maxconn 400',
    `  stats socket ${join(folder, 'admin.sock')} level admin expose-fd listeners`,
    'defaults',
    '  mode tcp',
    '  retries 2',
    '  timeout client 30m',
    '  timeout connect 4s',
    '  timeout server 30m',
    '  timeout check 5s',
    '',
    listen('primary', ports.write, '/primary'),
    listen('replicas', ports.read, '/replica'),
  ].join('\n')
}

async function startProxy(ground: Ground, name: string, isSticky: boolean): Promise<Stack> {
  const cluster = await PatroniCluster.of(ground)
  const ports = { write: await ground.port(), read: await ground.port() }
  const folder = ground.makeFolder(name)
  const file = join(folder, 'haproxy.cfg')
  ground.write(file, settings(cluster.nodes, ports, folder, isSticky))
  const proxy = ground.service(name, 'haproxy', ['-W', '-f', file, '-p', join(folder, 'haproxy.pid')], {
    PATH: `${process.env['PATH'] ?? ''}:/usr/sbin`,
  })
  const endpoint = endpointOn(ports.write)
  await until(`${name} leads to the leader`, 30_000, () => endpoint.leadsTo()).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${proxy.tail()}`)
  })
  return {
    ...cluster.words(),
    name,
    // A server that is promoted would keep the readers' old connections, and show the application a way around the fault.
    dsn: applicationDsn(isSticky ? [ports.write] : [ports.write, ports.read]),
    endpoint: {
      ...endpoint,
      // A master process starts new workers; the old ones keep their connections.
      reload: async () => proxy.signal('SIGUSR2'),
    },
    stop: () => proxy.end(),
  }
}

/** HAProxy as Patroni's documentation has it. */
export const haproxy: StackKind = {
  name: 'haproxy',
  title: "HAProxy in front of Patroni (Patroni's template): a port for writes, one for reads",
  needs: NEEDS,
  scenarios: [
    ...[switchover, restart, killPostmaster, killPostmasterAndAgent, freezeBoth],
    ...[mistakenPromotion, proxyReload],
  ],
  start: (ground) => startProxy(ground, 'haproxy', false),
}

/** The same, with the line left out that ends the connections to a server that is marked down. */
export const haproxySticky: StackKind = {
  name: 'haproxy-sticky',
  title:
    'HAProxy without on-marked-down shutdown-sessions, the port for writes only: open connections stay on the old server',
  needs: NEEDS,
  scenarios: [switchover, restart, killPostmaster, killPostmasterAndAgent, freezeBoth],
  start: (ground) => startProxy(ground, 'haproxy-sticky', true),
}
