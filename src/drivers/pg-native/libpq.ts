import type { EventEmitter } from 'node:events'

/** How pg-native calls back: with what went wrong, an Error or a text, or with what came of it. */
export type Done = (error?: unknown, rows?: unknown, results?: unknown) => void

/** What is used of the package `libpq`: one connection, which may not have been made yet, or be closed already. */
export interface Libpq extends EventEmitter {
  /** Forgets the result of the last statement, which is an error of its own until the next result is there. */
  clear(): void
  /** The whole command tag of the last result. */
  cmdStatus(): string
  /** Reads what the socket has, without waiting; false when the connection is broken. */
  consumeInput(): boolean
  errorMessage(): string
  /** `PQtransactionStatus`: 4 when the connection is broken. */
  transactionStatus(): number
  resultErrorFields(): { readonly [field: string]: string | undefined } | null
}

/** What is used of a client of pg-native, on which `pg.native.Client` stands. */
export interface LibpqClient extends EventEmitter {
  readonly pq: Libpq
  connect(conninfo: string, done: Done): void
  query(text: string, values: readonly unknown[] | Done, done?: Done): void
  prepare(name: string, text: string, count: number, done: Done): void
  execute(name: string, values: readonly unknown[], done: Done): void
  end(done?: () => void): void
}

/** What libpq itself says, which has no code, and not the server. */
export class LibpqError extends Error {
  override readonly name = 'LibpqError'
}

/** Of pg-native's errors, some of which are texts of several lines. */
export function libpqError(error: unknown): LibpqError {
  const lines = error instanceof Error ? error.message : String(error)
  const text = lines.trim().replaceAll(/\s*\n\s*/g, ' ')
  // What libpq is told of are parameters that it has had for longer or shorter.
  const isOld = text.includes('invalid connection option')
  return new LibpqError(isOld ? `${text}: the libpq that is installed is too old for it` : text)
}

export function isLibpqClient(value: unknown): value is LibpqClient {
  if (typeof value !== 'object' || value === null || !('pq' in value)) return false
  return ['connect', 'query', 'prepare', 'execute', 'end', 'emit'].every(
    (name) => typeof Reflect.get(value, name) === 'function',
  )
}
