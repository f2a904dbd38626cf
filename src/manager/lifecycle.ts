import type { HostPool } from '../pool/host-pool.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import { ManagerClosedError, OptionsError } from '../errors.ts'
import { count, durationMs, oneOfKeys, waitMs } from './check-option.ts'
import { PoolDirectory } from './pool-directory.ts'
import { waitUntilReady } from './readiness.ts'
import { closePools, destroyLeases, drain } from './shutdown.ts'

/** What `ready` waits for. Both counts or neither; neither: every host. */
export interface ReadyOptions {
  readonly mastersCount?: number
  readonly replicasCount?: number
  /** In milliseconds; default 10000. */
  readonly timeoutMs?: number
}

const READY_TIMEOUT_MS = 10_000
const CLOSE_TIMEOUT_MS = 5_000

/**
 * The life of a manager: it is started, becomes ready, and is closed.
 *
 * Use it through `PoolManager`.
 */
export class ManagerLifecycle<TConnection, TPool> extends PoolDirectory<TConnection, TPool> implements AsyncDisposable {
  #started = false
  #closing: Promise<void> | undefined
  #closed = false

  /** Whether `close` or `terminate` was called. */
  get closing(): boolean {
    return this.#closing !== undefined
  }

  /** Whether closing has ended: no socket, timer or listener is left. */
  get closed(): boolean {
    return this.#closed
  }

  /**
   * Starts watching the hosts now instead of with the first `ready` or `acquire`.
   * @throws {ManagerClosedError} the manager is closed.
   */
  start(): void {
    if (this.#closing !== undefined) throw new ManagerClosedError('start')
    if (this.#started) return
    this.#started = true
    this.engine.start()
  }

  /**
   * Resolves when the wanted number of hosts is in use; without counts, when every host of the DSN is.
   *
   * ```ts
   * await db.ready({ mastersCount: 1, replicasCount: 1, timeoutMs: 30_000 })
   * ```
   * @throws {ReadyTimeoutError} not within `timeoutMs` (default 10000); says for each host why.
   * @throws {AccessRefusedError} every host refuses us. @throws {OptionsError} only one of the counts was given.
   */
  async ready(options: ReadyOptions = {}): Promise<void> {
    oneOfKeys('ready', options, ['mastersCount', 'replicasCount', 'timeoutMs'])
    const { mastersCount, replicasCount, timeoutMs } = options
    if ((mastersCount === undefined) !== (replicasCount === undefined)) {
      const missing = mastersCount === undefined ? 'mastersCount' : 'replicasCount'
      throw new OptionsError(missing, `ready takes both mastersCount and replicasCount, or neither: add ${missing}`)
    }
    await this.#waitReady(mastersCount ?? 0, replicasCount ?? 0, mastersCount === undefined, timeoutMs)
  }

  /** Resolves when at least `mastersCount` hosts take writes. @throws {ReadyTimeoutError} */
  async waitMastersReady(mastersCount = 1, timeoutMs?: number): Promise<void> {
    await this.#waitReady(mastersCount, 0, false, timeoutMs)
  }

  /** Resolves when at least `replicasCount` hosts take reads. @throws {ReadyTimeoutError} */
  async waitReplicasReady(replicasCount = 1, timeoutMs?: number): Promise<void> {
    await this.#waitReady(0, replicasCount, false, timeoutMs)
  }

  /** Resolves when every host of the DSN is in use. @throws {ReadyTimeoutError} */
  async waitAllReady(timeoutMs?: number): Promise<void> {
    await this.#waitReady(0, 0, true, timeoutMs)
  }

  /** Resolves when every host was checked once more, by a check that begins from now on. */
  async waitNextPoolCheck(): Promise<void> {
    this.start()
    const monitors = [...this.engine.monitors.values()]
    await Promise.all(monitors.map((monitor) => new Promise<void>((resolve) => monitor.onceProbed(resolve))))
  }

  /**
   * Closes: no new leases, waiters are rejected at once, leases may end until `timeoutMs` (default 5000) has passed, then
   * what is left is destroyed. Afterwards no socket, timer or listener is left. The same promise on every call.
   */
  close({ timeoutMs = CLOSE_TIMEOUT_MS }: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#shutDown(waitMs('timeoutMs', timeoutMs))
    return this.#closing
  }

  /** Closes without waiting for leases: what runs on them is cut off. Also ends the patience of a `close` under way. */
  terminate(): Promise<void> {
    this.#closing ??= this.#shutDown(waitMs('timeoutMs', 0))
    destroyLeases(this.#hostPools())
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #waitReady(mastersCount: number, replicasCount: number, all: boolean, timeoutMs?: number): Promise<void> {
    const wanted = {
      mastersCount: count('mastersCount', mastersCount),
      replicasCount: count('replicasCount', replicasCount),
      all,
    }
    const limitMs = durationMs('timeoutMs', timeoutMs ?? READY_TIMEOUT_MS)
    const { waiters, options, store } = this.engine
    const hosts = store.current.hosts.size
    if (mastersCount + replicasCount > hosts) {
      const text = `ready waits for ${mastersCount} master(s) and ${replicasCount} replica(s), but the DSN has ${hosts} host(s)`
      throw new OptionsError(mastersCount > hosts ? 'mastersCount' : 'replicasCount', text)
    }
    this.start()
    await waitUntilReady(wanted, limitMs, { clock: options.clock, waiters, topology: () => store.current })
  }

  /** Stop monitors, reject waiters, drain leases, destroy the rest, close pools (law 15). */
  async #shutDown(timeoutMs: Milliseconds): Promise<void> {
    const { addresses, monitors, warmer, waiters, expiry, emitter, options } = this.engine
    for (const monitor of monitors.values()) monitor.stop()
    addresses.close()
    warmer.stop()
    waiters.closeAll()
    const pools = this.#hostPools()
    for (const pool of pools) pool.dismiss('closed')
    await drain(pools, timeoutMs, options.clock)
    await closePools(pools, options.clock)
    expiry.close()
    emitter.clear()
    this.#closed = true
  }

  #hostPools(): readonly HostPool<TConnection, TPool>[] {
    return [...this.engine.candidates.values()].map(({ pool }) => pool)
  }
}
