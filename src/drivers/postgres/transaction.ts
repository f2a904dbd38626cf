import { HasqlError } from '../../errors.ts'
import { toError } from '../../to-error.ts'
import { codeOf } from '../../driver/classify-error.ts'
import type { NativeQuery, NativeSql } from './native.ts'
import { nativeQuery } from './native.ts'
import { sqlOn } from './sql.ts'

/** The connection that a transaction runs on, for as long as it runs. */
export interface TransactionSeat {
  readonly template: NativeSql
  run(query: NativeQuery): void
  cancel(query: NativeQuery): void
  /** Calls back when the connection is lost; the returned function ends that. */
  watchLoss(lost: (error: Error) => void): () => void
}

/** What the caller does in a transaction, or after a savepoint. */
export type Work = (sql: object) => unknown

/**
 * `begin` of postgres.js: commits when the work is done, rolls back when it, or any query in it, failed. A connection that is
 * lost rejects at once, whatever the work waits for.
 */
export async function transact(seat: TransactionSeat, options: string, work: Work): Promise<unknown> {
  await say(seat, `begin ${options.replaceAll(/[^a-z ]/gi, '')}`)
  return new Promise((resolve, reject) => {
    const endWatch = seat.watchLoss(reject)
    void new Transaction(seat).run(undefined, work).then(resolve, reject).finally(endWatch)
  })
}

/** The two ways in which `begin` and `savepoint` are called: with a text before the work, or without. */
export function textAndWork(
  first: unknown,
  second: unknown,
): { readonly text: string | undefined; readonly work: Work } {
  const [text, work] = second === undefined ? [undefined, first] : [first, second]
  if (isWork(work)) return { text: typeof text === 'string' ? text : undefined, work }
  throw new HasqlError('ERR_HASQL_OPTIONS', 'A function is needed that does the work of the transaction')
}

class Transaction {
  readonly #seat: TransactionSeat
  #savepoints = 0
  #preparedAs: string | undefined

  constructor(seat: TransactionSeat) {
    this.#seat = seat
  }

  /** Does the work and commits; with a name, after a savepoint of that name. */
  async run(name: string | undefined, work: Work): Promise<unknown> {
    const failed: unknown[] = []
    const sql = this.#sqlFor((error) => failed.push(error))
    if (name !== undefined) await this.#say(`savepoint ${name}`)
    let result: unknown
    try {
      const done = await work(sql)
      result = Array.isArray(done) ? await Promise.all(done) : done
      // Also one that nobody waited for: its transaction cannot be committed.
      if (failed.length > 0) throw failed[0]
    } catch (error) {
      // Where that fails as well, what failed first is what matters, and the connection is closed when it is given back.
      await this.#say(name === undefined ? 'rollback' : `rollback to ${name}`).catch(() => undefined)
      throw codeOf(error) === '25P02' ? (failed[0] ?? error) : error
    }
    if (name === undefined) {
      const prepared = this.#preparedAs?.replaceAll("'", "''")
      const ended = await this.#say(prepared === undefined ? 'commit' : `prepare transaction '${prepared}'`)
      // The server rolls back what cannot be committed, and is content: a statement that nobody waited for had failed.
      if (commandOf(ended) === 'ROLLBACK') throw toError(failed[0] ?? 'The transaction was rolled back')
    }
    return result
  }

  #sqlFor(noteFailure: (error: unknown) => void): object {
    const { template } = this.#seat
    const desk = {
      run: (query: NativeQuery): void => {
        query.catch(noteFailure)
        this.#seat.run(query)
      },
      cancel: (query: NativeQuery): void => this.#seat.cancel(query),
    }
    return sqlOn(template, desk, {
      savepoint: async (first: unknown, second: unknown) => {
        const { text, work } = textAndWork(first, second)
        const suffix = text === undefined ? '' : `_${text}`
        return this.run(`"s${this.#savepoints++}${suffix.replaceAll('"', '""')}"`, work)
      },
      prepare: (name: string) => {
        this.#preparedAs = name
      },
    })
  }

  #say(text: string): Promise<unknown> {
    return say(this.#seat, text)
  }
}

/** Runs one statement on the seat, in the simple protocol. */
export async function say(seat: Pick<TransactionSeat, 'template' | 'run'>, text: string): Promise<unknown> {
  const made = seat.template.unsafe(text)
  nativeQuery(made).handler = (query) => seat.run(query)
  return made
}

function isWork(value: unknown): value is Work {
  return typeof value === 'function'
}

function commandOf(result: unknown): unknown {
  return typeof result === 'object' && result !== null ? Reflect.get(result, 'command') : undefined
}
