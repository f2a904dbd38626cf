import { EventEmitter } from 'node:events'
import type { PgConnection } from 'hasql/pg'

/** How a fake client answers a statement. */
export type Answer = (text: string) => { readonly rows: readonly object[] } | Error

/** A leased client of `pg` as far as libraries use one: it notes what it is told. */
export class FakePgClient extends EventEmitter {
  readonly asked: string[] = []
  /** With what it was given back, each time. */
  readonly released: unknown[] = []
  readonly connection: EventEmitter = new EventEmitter()
  readonly host: string
  readonly port = 5432
  readonly processID = 1
  readonly #answer: Answer
  readonly release = (destroy?: unknown): void => void this.released.push(destroy)

  constructor(host: string, answer: Answer = () => ({ rows: [{ host }] })) {
    super()
    this.host = host
    this.#answer = answer
  }

  query(statement: string | { text: string }, values?: unknown, callback?: unknown): Promise<unknown> | undefined {
    const text = typeof statement === 'string' ? statement : statement.text
    this.asked.push(text)
    const said = this.#answer(text)
    const done = [values, callback].find(isDone)
    const result = { command: 'SELECT', rowCount: 1, rows: said instanceof Error ? [] : said.rows }
    if (done === undefined) return said instanceof Error ? Promise.reject(said) : Promise.resolve(result)
    process.nextTick(() => {
      if (said instanceof Error) done(said)
      else done(null, result)
    })
    return undefined
  }

  /** The type that the adapters know it by. */
  get leased(): PgConnection {
    return this as unknown as PgConnection
  }
}

/** A manager of one master and one replica, each with one client that is leased again and again. */
export class FakeManager {
  readonly master: FakePgClient
  readonly replica: FakePgClient
  readonly pools: { readonly options: { readonly host: string; readonly port: number; readonly max: number } }[]
  readonly dsn: { hosts: [{ database: string }] } = { hosts: [{ database: 'app' }] }
  /** What `acquireMaster` and `acquireReplica` were told. */
  readonly leases: unknown[] = []
  refusal: Error | undefined
  hasReplicas = true

  constructor(answer?: Answer) {
    this.master = new FakePgClient('m', answer)
    this.replica = new FakePgClient('r', answer)
    this.pools = ['m', 'r'].map((host) => ({ options: { host, port: 5432, max: 3 } }))
  }

  acquireMaster(options?: object): Promise<PgConnection> {
    return this.#lease(this.master, options)
  }

  acquireReplica(options?: object): Promise<PgConnection> {
    return this.#lease(this.replica, options)
  }

  getMasterPools(): FakeManager['pools'] {
    return this.pools.slice(0, 1)
  }

  getReplicaPools(): FakeManager['pools'] {
    return this.hasReplicas ? this.pools.slice(1) : this.pools.slice(0, 1)
  }

  async #lease(client: FakePgClient, options?: object): Promise<PgConnection> {
    this.leases.push([client.host, options])
    if (this.refusal !== undefined) throw this.refusal
    return client.leased
  }
}

type Done = (error: Error | null, result?: object) => void

const isDone = (given: unknown): given is Done => typeof given === 'function'
