import type { DashboardActions } from 'hasql/dashboard'
import type { PgNode } from 'hasql/testing'
import type { Drill } from './drill.ts'

/** What the page of the demo can do to a server. Everything here happens to a real PostgreSQL. */
export class Buttons implements DashboardActions {
  readonly #drill: Drill
  readonly #frozen = new Set<PgNode>()
  readonly #paused = new Set<PgNode>()
  readonly #busy = new Set<PgNode>()
  readonly #timer: NodeJS.Timeout
  #note = ''
  #failed = 0

  constructor(drill: Drill) {
    this.#drill = drill
    this.#timer = setInterval(() => this.#count(), 1_000)
    this.#count()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  note(): string {
    return this.#note
  }

  of(host: string): readonly string[] {
    const node = this.#nodeOf(host)
    if (node === undefined || this.#busy.has(node)) return []
    if (this.#frozen.has(node)) return ['Thaw', 'Kill']
    const master = this.#master()
    const rejoin = master === undefined || master === node ? [] : ['Rejoin']
    if (node.pid === undefined) return ['Start', ...rejoin]
    const breaking = ['Stop', 'Kill', 'Freeze', 'Restart']
    const { kind } = this.#drill.stateOf(node)
    if (kind === 'master') return breaking
    if (kind === 'replica') return ['Promote', ...breaking, this.#paused.has(node) ? 'Resume replay' : 'Pause replay']
    return [...rejoin, ...breaking]
  }

  async run(action: string, host: string): Promise<void> {
    const node = this.#nodeOf(host)
    if (node === undefined) throw new Error(`${host} is not in the cluster`)
    this.#busy.add(node)
    try {
      await this.#do(action, node)
    } finally {
      this.#busy.delete(node)
    }
  }

  async #do(action: string, node: PgNode): Promise<void> {
    switch (action) {
      case 'Stop':
        return node.stop('fast')
      case 'Kill':
        this.#frozen.delete(node)
        return node.kill()
      case 'Restart':
        return node.restart('fast')
      case 'Start':
        return node.start()
      case 'Freeze':
        await node.freeze()
        this.#frozen.add(node)
        return
      case 'Thaw':
        node.thaw()
        this.#frozen.delete(node)
        return
      case 'Pause replay':
        await node.pauseReplay()
        this.#paused.add(node)
        return
      case 'Resume replay':
        await node.resumeReplay()
        this.#paused.delete(node)
        return
      case 'Promote':
        if (this.#paused.delete(node)) await node.resumeReplay()
        await this.#drill.cluster.failover(node)
        return
      case 'Rejoin': {
        const master = this.#master()
        if (master === undefined) throw new Error('There is no master to follow: promote a replica first')
        await node.rejoin(master)
        return
      }
      default:
        throw new Error(`There is no action ${action}`)
    }
  }

  #nodeOf(host: string): PgNode | undefined {
    return this.#drill.cluster.nodes.find((node) => this.#drill.hostId(node) === host)
  }

  #master(): PgNode | undefined {
    return this.#drill.cluster.nodes.find((node) => this.#drill.stateOf(node).kind === 'master')
  }

  #count(): void {
    const done = this.#drill.workload.takeOperations()
    const failed = done.filter(({ error }) => error !== undefined).length
    const good = (kind: string): number =>
      done.filter((operation) => operation.kind === kind && operation.error === undefined).length
    this.#failed += failed
    this.#note = `Application: ${good('write')} writes/s, ${good('read')} reads/s, ${failed} failed/s, ${this.#failed} failed in all.`
  }
}
