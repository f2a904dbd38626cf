type ErrorListener = (error: Error) => void

/** What a library is called back with: as by `pg.Pool`. */
export type Connected = (
  error: Error | undefined,
  connection: object | undefined,
  release: (error?: Error | boolean) => void,
) => void

/** What is used of the `pg.Pool` of a role. */
export interface RolePool {
  readonly totalCount: number
  readonly idleCount: number
  readonly waitingCount: number
  connect(callback: Connected): void
  on(event: 'error', listener: ErrorListener): unknown
  off(event: 'error', listener: ErrorListener): unknown
}

/** The pool of a role for one library, which may end it: the manager and others who use the pool of that role go on. */
export class BorrowedPool implements RolePool {
  /** From the call of `end` on. */
  ending = false
  readonly #pool: () => RolePool
  readonly #listeners = new Set<ErrorListener>()

  constructor(pool: () => RolePool) {
    this.#pool = pool
  }

  get totalCount(): number {
    return this.#pool().totalCount
  }

  get idleCount(): number {
    return this.#pool().idleCount
  }

  get waitingCount(): number {
    return this.#pool().waitingCount
  }

  connect(callback: Connected): void {
    if (this.ending) refuse(callback, new Error('Cannot use a pool after calling end on the pool'))
    else this.#pool().connect(callback)
  }

  on(event: 'error', listener: ErrorListener): void {
    this.#listeners.add(listener)
    this.#pool().on(event, listener)
  }

  off(event: 'error', listener: ErrorListener): void {
    if (this.#listeners.delete(listener)) this.#pool().off(event, listener)
  }

  removeListener(event: 'error', listener: ErrorListener): void {
    this.off(event, listener)
  }

  async end(callback?: () => void): Promise<void> {
    this.ending = true
    for (const listener of this.#listeners) this.off('error', listener)
    if (callback !== undefined) process.nextTick(callback)
  }
}

export function refuse(callback: Connected, error: unknown): void {
  process.nextTick(callback, error, undefined, () => undefined)
}
