import { BasePoolManager } from '../../../src/manager/base-pool-manager.ts'
import { FakeDriver } from '../../support/fake-driver.ts'
import type { DriverWatch } from '../../support/fake/driver-watch.ts'
import { FakeEventLoop } from '../../support/fake/event-loop.ts'
import type { FakeClient } from '../../support/fake/fake-connection.ts'
import { FakeCluster } from '../../support/fake/fake-cluster.ts'
import type { FakePool } from '../../support/fake/fake-pool.ts'
import type { FakeServer } from '../../support/fake/fake-server.ts'
import { directRoutes } from '../../support/fake/routes.ts'
import { seededRandom } from '../../support/seeded-random.ts'
import { runSteps } from '../drain.ts'

/** How many connections a pool may hold, and how many hosts there are. */
export interface StagePlan {
  readonly hosts: number
  readonly capacity: number
}

/** A small world without chance: the same acts at the same turns give the same run, callback for callback. */
export class Stage {
  readonly loop: FakeEventLoop = new FakeEventLoop()
  readonly cluster: FakeCluster
  readonly db: BasePoolManager<FakeClient, FakePool>
  /** What went against the driver's contract. */
  readonly misuses: string[] = []
  /** Leases that were announced. */
  leases = 0

  constructor({ hosts, capacity }: StagePlan) {
    this.cluster = new FakeCluster(this.loop, seededRandom(7), { hosts, hasRights: true, showsTimelines: false })
    const driver = new FakeDriver(directRoutes(this.cluster.servers), capacity, this.#watch())
    const dsn = `postgresql://app@${this.cluster.servers.map(({ hostId }) => hostId).join(',')}/app`
    // Long pauses, so that the turns belong to the story and not to the monitors.
    const options = { refreshDelayMs: 5_000, refreshTimeoutMs: 400, connectTimeoutMs: 400, allowExitOnIdle: true }
    this.db = new BasePoolManager(driver, dsn, { ...options, clock: this.loop, random: seededRandom(11) })
    this.db.on('acquire', () => {
      this.leases += 1
    })
  }

  server(index: number): FakeServer {
    const server = this.cluster.servers[index]
    if (server === undefined) throw new RangeError(`there is no host ${index}`)
    return server
  }

  /** Takes turns until `isDone`, at most so many; before each, `onTurn` is told its number. Resolves with their count. */
  async play(
    isDone: () => boolean,
    mostTurns: number,
    onTurn: (turn: number) => void = () => undefined,
  ): Promise<number> {
    let turn = 0
    let isTold = false
    return runSteps(() => {
      if (isDone()) return false
      // What `onTurn` does takes effect, with all that it settles, before time goes on.
      if (!isTold) {
        isTold = true
        onTurn(turn)
        return true
      }
      isTold = false
      turn += 1
      if (turn > mostTurns) throw new Error(`still under way after ${mostTurns} turns`)
      if (!this.loop.step()) throw new Error('nothing is left to happen, but the story is not over')
      return true
    }).then(() => turn)
  }

  /** What must be gone after the end: timers, sockets, leases, and what the accounts say of them. */
  leftovers(): readonly string[] {
    const left: string[] = [...this.misuses]
    if (!this.db.closed) left.push('the manager is not closed')
    if (this.loop.openTimers > 0) left.push(`${this.loop.openTimers} timers`)
    for (const { hostId, openSockets } of this.cluster.servers) {
      if (openSockets > 0) left.push(`${openSockets} sockets to ${hostId}`)
    }
    const { drivers, hasql } = this.db.metrics()
    if (hasql.waiters > 0) left.push(`${hasql.waiters} waiters`)
    for (const {
      host,
      used,
      total,
      waiting,
      warmed,
      acquires,
      releases,
      connectionsAdded,
      connectionsRemoved,
    } of drivers) {
      const counts = { used, total, waiting, warmed, unreleased: acquires - releases }
      for (const [name, count] of Object.entries(counts)) if (count !== 0) left.push(`${host}: ${count} ${name}`)
      if (connectionsAdded !== connectionsRemoved)
        left.push(`${host}: ${connectionsAdded} added, ${connectionsRemoved} removed`)
    }
    const acquires = drivers.reduce((sum, each) => sum + each.acquires, 0)
    if (acquires !== this.leases) left.push(`${acquires} acquires counted, ${this.leases} leases announced`)
    return left
  }

  #watch(): DriverWatch {
    return {
      misused: (text) => void this.misuses.push(text),
      poolTouched: () => undefined,
      born: () => undefined,
      fault: (_connection, _error, report) => report(),
      hinted: (_hostId, report) => report(),
      arrived: () => undefined,
      givenBack: () => undefined,
      connectFailed: () => undefined,
      probeOpened: () => undefined,
      probeAsked: () => undefined,
      probeAnswered: () => undefined,
      probeDropped: () => undefined,
    }
  }
}
