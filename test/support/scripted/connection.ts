import type { BoundLease, DriverConnection, DriverPoolHooks } from '../../../src/driver/driver.ts'
import type { Outcome } from '../../../src/errors.ts'
import type { ScriptedHost } from './host.ts'
import type { ScriptedPool } from './pool.ts'

/** What the caller of `acquire` gets: the driver's own connection object. */
export class ScriptedClient implements AsyncDisposable {
  readonly hostId: string
  readonly id: number
  release: (destroy?: boolean) => void = () => undefined
  dispose: () => void = () => undefined
  /** The query that hangs, if one does. */
  readonly hanging: ((error: Error) => void)[] = []
  /** What the driver knows of this lease: a statement that hangs, or one that ended outside a transaction. */
  outcome: Outcome = 'not-executed'
  /** How many statements were sent, for the one that hangs. */
  statements = 0

  constructor(hostId: string, id: number) {
    this.hostId = hostId
    this.id = id
  }

  /** A query that never answers by itself. */
  hang(): Promise<never> {
    this.outcome = 'unknown'
    this.statements += 1
    return new Promise((_resolve, reject) => this.hanging.push(reject))
  }

  /** A statement that is answered, outside a transaction. */
  execute(): void {
    this.outcome = 'unknown'
  }

  get [Symbol.asyncDispose](): () => Promise<void> {
    const dispose = this.dispose
    return () => {
      dispose()
      return Promise.resolve()
    }
  }
}

/** One physical connection. Checks that it is given back once for each checkout. */
export class ScriptedConnection implements DriverConnection<ScriptedClient> {
  readonly native: ScriptedClient
  readonly #host: ScriptedHost
  readonly #pool: ScriptedPool
  readonly #hooks: DriverPoolHooks<ScriptedClient>
  checkedOut = false
  #closed = false
  #gone = false

  constructor(host: ScriptedHost, pool: ScriptedPool, hooks: DriverPoolHooks<ScriptedClient>, id: number) {
    this.#host = host
    this.#pool = pool
    this.#hooks = hooks
    this.native = new ScriptedClient(host.hostId, id)
    host.connections.add(this)
    hooks.born(this)
  }

  isClosed(): boolean {
    return this.#closed
  }

  giveBack(destroy: boolean): void {
    if (!this.checkedOut) throw new Error(`connection ${this.native.id} was given back twice`)
    this.checkedOut = false
    if (destroy || this.#closed || this.#pool.isClosed) this.#end(new Error('destroyed'))
    else this.#pool.idleConnections.push(this)
  }

  interrupt(cause: Error): void {
    this.#end(cause)
  }

  outcome(): Outcome {
    return this.native.outcome
  }

  isStandby(): boolean | undefined {
    return this.#host.tellsRole ? this.#host.facts.role === 'replica' : undefined
  }

  query(sql: string): Promise<readonly (string | null)[]> {
    return new Promise((resolve) => resolve(this.#host.answer(sql)))
  }

  bind(lease: BoundLease): void {
    this.native.outcome = 'not-executed'
    this.native.release = (destroy) => lease.release(destroy ?? false)
    this.native.dispose = () => lease.dispose()
  }

  statementUnderWay(): number | undefined {
    return this.native.hanging.length > 0 ? this.native.statements : undefined
  }

  canPassOn(): boolean {
    return true
  }

  /** The server ends it. */
  die(error: Error): void {
    if (this.#closed) return
    const established = this.#pool.isEstablished(this)
    this.#end(error)
    if (established) this.#hooks.failed(this, error)
  }

  /** The server answers a statement with an error. */
  complain(error: Error): void {
    this.#hooks.failed(this, error)
  }

  hint(): void {
    this.#hooks.hinted(this)
  }

  #end(cause: Error): void {
    if (this.#closed) return
    this.#closed = true
    this.#host.connections.delete(this)
    this.#pool.drop(this, cause)
    for (const reject of this.native.hanging.splice(0)) reject(cause)
    queueMicrotask(() => this.#bury())
  }

  #bury(): void {
    if (this.#gone) return
    this.#gone = true
    this.#hooks.gone(this)
    this.#pool.closed()
  }
}
