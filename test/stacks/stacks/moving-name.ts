import { connect, createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { once } from 'node:events'
import type { StackKind } from '../frame/stack.ts'
import { until } from '../frame/waiting.ts'
import { killPostmaster, killPostmasterAndAgent } from '../scenarios/crashes.ts'
import { freezeBoth } from '../scenarios/frozen.ts'
import { restart } from '../scenarios/planned.ts'
import { switchover } from '../scenarios/switchover.ts'
import { endpointOn } from './endpoint.ts'
import { applicationDsn, PatroniCluster, PATRONI_NEEDS } from './patroni-cluster.ts'

/** What moves the address looks so often, and moves it when it has seen the new leader for so long: the old one is a replica by then. */
const LOOK_EVERY_MS = 500
const BEHIND_MS = 5_000

/** One address that leads to one server, then to another: new connections go there, open ones stay where they are. */
class MovingAddress {
  target: number | undefined
  readonly port: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server, port: number) {
    this.#server = server
    this.port = port
    server.on('connection', (client) => this.#lead(client))
  }

  static async open(port: number): Promise<MovingAddress> {
    const server = createServer().listen(port, '127.0.0.1')
    await once(server, 'listening')
    return new MovingAddress(server, port)
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #lead(client: Socket): void {
    client.on('error', () => undefined)
    if (this.target === undefined) return void client.resetAndDestroy()
    const upstream = connect(this.target, '127.0.0.1')
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        this.#sockets.delete(socket)
        other.destroy()
      })
      socket.pipe(other)
    }
  }
}

/** What a virtual address or a Kubernetes `-rw` service does: it follows Patroni's leader, five seconds behind. */
export const movingName: StackKind = {
  name: 'moving-name',
  title: 'one address for writes that follows the leader, open connections stay (virtual address, -rw service)',
  needs: PATRONI_NEEDS,
  scenarios: [switchover, restart, killPostmaster, killPostmasterAndAgent, freezeBoth],
  start: async (ground) => {
    const cluster = await PatroniCluster.of(ground)
    const write = await MovingAddress.open(await ground.port())
    let seen = { port: 0, sinceMs: -BEHIND_MS }
    const follow = async (): Promise<void> => {
      const leader = await cluster.leader().catch(() => undefined)
      if (leader === undefined) return
      if (leader.port !== seen.port) seen = { port: leader.port, sinceMs: performance.now() }
      if (write.target !== undefined && performance.now() - seen.sinceMs < BEHIND_MS) return
      write.target = leader.port
    }
    const timer = setInterval(() => void follow(), LOOK_EVERY_MS)
    const endpoint = endpointOn(write.port)
    await until('the address leads to the leader', 30_000, () => endpoint.leadsTo())
    return {
      ...cluster.words(),
      name: 'moving-name',
      dsn: applicationDsn([write.port]),
      endpoint,
      stop: async () => {
        clearInterval(timer)
        await write.close()
      },
    }
  },
}
