/** Where the servers of a comparison are. */
export interface Target {
  readonly places: readonly { readonly host: string; readonly port: number }[]
  readonly user: string
  readonly password: string
  readonly database: string
}

/** An application's way to its database: one library that is told all hosts, with its own defaults. */
export interface Rival {
  /** Writes a row with that number. Resolves to the port of the server that acknowledged it. */
  write(id: number): Promise<number>
  /** Reads from a replica, or from the master. Resolves to the port of the server that answered. */
  read(): Promise<number>
  close(): Promise<void>
}

/** What one operation came to, on the clock that all processes share. */
export interface Done {
  readonly kind: 'write' | 'read'
  readonly loop: number
  readonly startedAtMs: number
  readonly endedAtMs: number
  /** Undefined when it failed. */
  readonly server: number | undefined
}

/** What the process of a rival tells. */
export type Told =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly done: readonly Done[] }
  /** `hanging`: operations that had been waiting for long when it was told to stop. */
  | { readonly kind: 'stopped'; readonly hanging: number }

export const WRITERS = 4
export const READERS = 4

/** Milliseconds on a clock that all processes of the machine share. */
export function sharedNowMs(): number {
  return performance.timeOrigin + performance.now()
}

export function writeStatement(id: number): string {
  return `insert into writes values (${id}, current_setting('port')::int, 0) returning server`
}

export const READ_STATEMENT = "select current_setting('port')::int as server"
