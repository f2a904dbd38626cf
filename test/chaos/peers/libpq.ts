import type { KoffiFunc } from 'koffi'
import { openLibpq } from '../../support/open-libpq.ts'
import { READ_STATEMENT, writeStatement } from './rival.ts'
import type { Rival, Target } from './rival.ts'

const CONNECTION_OK = 0
const TUPLES_OK = 2

type Call = KoffiFunc<(...args: unknown[]) => unknown>

/** The functions of libpq that an application needs; those that wait do so in threads. */
class Library {
  readonly #library = openLibpq()
  readonly connect = inThread(this.#library.func('void *PQconnectdb(const char *text)'))
  readonly execute = inThread(this.#library.func('void *PQexec(void *connection, const char *statement)'))
  readonly status: Call = this.#library.func('int PQstatus(void *connection)')
  readonly resultStatus: Call = this.#library.func('int PQresultStatus(void *result)')
  readonly errorMessage: Call = this.#library.func('const char *PQerrorMessage(void *connection)')
  readonly value: Call = this.#library.func('const char *PQgetvalue(void *result, int row, int column)')
  readonly clear: Call = this.#library.func('void PQclear(void *result)')
  readonly finish: Call = this.#library.func('void PQfinish(void *connection)')
}

/** libpq with several hosts, and the simplest of pools: a connection that failed is made anew, whatever the error was. */
export function libpqRival({ places, user, password, database }: Target): Rival {
  const library = new Library()
  const hosts = `host=${places.map(({ host }) => host).join(',')} port=${places.map(({ port }) => port).join(',')}`
  const access = `user=${user} password=${password} dbname=${database} sslmode=disable`
  const master = new LibpqPool(library, `${hosts} ${access} target_session_attrs=read-write`)
  const replica = new LibpqPool(
    library,
    `${hosts} ${access} target_session_attrs=prefer-standby load_balance_hosts=random`,
  )
  return {
    write: (id) => master.ask(writeStatement(id)),
    read: () => replica.ask(READ_STATEMENT),
    close: async () => {
      await Promise.resolve()
      master.close()
      replica.close()
    },
  }
}

class LibpqPool {
  readonly #library: Library
  readonly #text: string
  readonly #idle: unknown[] = []

  constructor(library: Library, text: string) {
    this.#library = library
    this.#text = text
  }

  /** Runs a statement that returns one number. */
  async ask(statement: string): Promise<number> {
    const connection = this.#idle.pop() ?? (await this.#library.connect(this.#text))
    try {
      const value = await this.#run(connection, statement)
      this.#idle.push(connection)
      return value
    } catch (error) {
      this.#library.finish(connection)
      throw error
    }
  }

  close(): void {
    for (const connection of this.#idle.splice(0)) this.#library.finish(connection)
  }

  async #run(connection: unknown, statement: string): Promise<number> {
    const { status, execute, resultStatus, value, clear, errorMessage } = this.#library
    if (status(connection) !== CONNECTION_OK) throw new Error(String(errorMessage(connection)))
    const result = await execute(connection, statement)
    try {
      if (resultStatus(result) !== TUPLES_OK) throw new Error(String(errorMessage(connection)))
      return Number(value(result, 0, 0))
    } finally {
      clear(result)
    }
  }
}

function inThread(call: Call): (...args: unknown[]) => Promise<unknown> {
  return (...args) =>
    new Promise((resolve, reject) => {
      call.async(...args, (error: unknown, result: unknown) => {
        if (error === null || error === undefined) resolve(result)
        else reject(error instanceof Error ? error : new Error('libpq was not called', { cause: error }))
      })
    })
}
