import type { FakeCluster } from './fake-cluster.ts'
import type { FakeServer } from './fake-server.ts'
import { between, oneOf } from './dice.ts'

/** How often a proxy looks which server is the master. */
const LOOK_MS = 50

/** Where a new connection to a host ends; those that are open stay where they are. */
export interface Routes {
  readonly hostIds: readonly string[]
  serverOf(hostId: string): FakeServer
}

/** Every host is a server. */
export function directRoutes(servers: readonly FakeServer[]): Routes {
  const known = new Map(servers.map((server) => [server.hostId, server]))
  return {
    hostIds: servers.map(({ hostId }) => hostId),
    serverOf: (hostId) => {
      const server = known.get(hostId)
      if (server === undefined) throw new RangeError(`there is no model of ${hostId}`)
      return server
    },
  }
}

export const WRITER = 'writer:5432'
export const READER = 'reader:5432'

/**
 * Two endpoints in front of the servers, which leave open connections alone: the writer leads to the master, to a new one some time
 * after its promotion; the reader leads to any of the replicas.
 */
export class EndpointRoutes implements Routes {
  readonly hostIds: readonly string[]
  readonly #cluster: FakeCluster
  #writer: FakeServer
  #next: FakeServer | undefined

  constructor(cluster: FakeCluster, hasReader: boolean) {
    this.hostIds = hasReader ? [WRITER, READER] : [WRITER]
    this.#cluster = cluster
    const [first] = cluster.servers
    if (first === undefined) throw new RangeError('a cluster has at least one server')
    this.#writer = first
    this.#look()
  }

  serverOf(hostId: string): FakeServer {
    const standbys = hostId === READER ? this.#cluster.standbys : []
    return standbys.length === 0 ? this.#writer : oneOf(this.#cluster.random, standbys)
  }

  #look(): void {
    const { loop, random, master, isQuiet } = this.#cluster
    if (master !== undefined && master !== this.#writer && master !== this.#next) {
      this.#next = master
      loop.afterIo(isQuiet ? 1 : between(random, 1, 1_500), () => {
        this.#writer = master
        this.#next = undefined
      })
    }
    loop.afterIo(LOOK_MS, () => this.#look())
  }
}
