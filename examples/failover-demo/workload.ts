import type { PoolManager } from 'hasql/pg'

/** One read or write of the application, as it saw it. */
export interface Operation {
  readonly kind: 'read' | 'write'
  readonly id: number
  readonly sentAtMs: number
  readonly endedAtMs: number
  /** Which server answered; undefined when it failed. */
  readonly port: number | undefined
  readonly error: Error | undefined
}

/** The application: loops of writers and readers that never look at which host is what. */
export class Workload {
  readonly operations: Operation[] = []
  readonly #db: PoolManager
  readonly #loops: Promise<void>[] = []
  readonly #sent = new Map<number, number>()
  readonly #pauseMs: number
  #nextId = 1
  #running = true

  /** `pauseMs`: between two operations of each loop. */
  constructor(db: PoolManager, writers: number, readers: number, pauseMs = 2) {
    this.#db = db
    this.#pauseMs = pauseMs
    for (let count = 0; count < writers; count++) this.#loops.push(this.#loop('write'))
    for (let count = 0; count < readers; count++) this.#loops.push(this.#loop('read'))
  }

  /** When a write was handed to a connection; undefined for a write that never got one. */
  sentAtMs(id: number): number | undefined {
    return this.#sent.get(id)
  }

  /** The operations that ended since a moment. */
  since(startMs: number): readonly Operation[] {
    return this.operations.filter(({ endedAtMs }) => endedAtMs >= startMs)
  }

  /** The operations that ended since the last call, which are forgotten with it. */
  takeOperations(): readonly Operation[] {
    this.#sent.clear()
    return this.operations.splice(0)
  }

  async stop(): Promise<void> {
    this.#running = false
    await Promise.all(this.#loops)
  }

  async #loop(kind: Operation['kind']): Promise<void> {
    while (this.#running) {
      const id = this.#nextId++
      const sentAtMs = performance.now()
      let port: number | undefined
      let error: Error | undefined
      try {
        port = kind === 'write' ? await this.#write(id) : await this.#read()
      } catch (thrown) {
        error = thrown instanceof Error ? thrown : new Error(String(thrown))
      }
      this.operations.push({ kind, id, sentAtMs, endedAtMs: performance.now(), port, error })
      await new Promise((resolve) => setTimeout(resolve, this.#pauseMs))
    }
  }

  #write(id: number): Promise<number | undefined> {
    return this.#db.withMaster(async (connection) => {
      this.#sent.set(id, performance.now())
      const { rows } = await connection.query<{ port: number }>(
        'insert into writes (id) values ($1) returning inet_server_port() as port',
        [id],
      )
      return rows[0]?.port
    })
  }

  #read(): Promise<number | undefined> {
    return this.#db.withReplica(
      async (connection) => {
        const { rows } = await connection.query<{ port: number }>(
          'select inet_server_port() as port, max(id) from writes',
        )
        return rows[0]?.port
      },
      { fallbackMaster: true },
    )
  }
}
