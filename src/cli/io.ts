import type { Driver } from '../driver/driver.ts'
import type { Lookup } from '../network/lookup.ts'
import type { Clock } from '../time/clock.ts'

/** Where text goes; `process.stdout` is one. */
export interface Screen {
  write(text: string): unknown
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  readonly rows?: number | undefined
  on(event: 'resize', listener: () => void): unknown
  off(event: 'resize', listener: () => void): unknown
}

/** The columns of a screen; terminals that nobody has told their size say 0. */
export function widthOf({ columns = 0 }: Screen): number {
  return columns > 0 ? columns : 80
}

/** Where keys come from; `process.stdin` is one. */
export interface Keyboard {
  readonly isTTY?: boolean | undefined
  setRawMode?(raw: boolean): unknown
  on(event: 'data' | 'end', listener: (chunk: Uint8Array | string) => void): unknown
  off(event: 'data' | 'end', listener: (chunk: Uint8Array | string) => void): unknown
  resume(): unknown
  pause(): unknown
}

/** What is used of `hasql/pg`. */
export interface PgEntry {
  readonly createPgDriver: () => Driver<unknown, unknown>
}

/** All that a command touches of the world, so that a test can be the world. */
export interface Io {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly out: Screen
  readonly err: Screen
  readonly keys: Keyboard
  readonly clock: Clock
  /** The time of day. */
  readonly now: () => Date
  /** Calls back when the process is asked to end (SIGINT, SIGTERM, SIGHUP); returns what stops listening. */
  readonly onStop: (listener: () => void) => () => void
  /** Calls back when the process ends in whatever way, at a crash before that is told; returns what stops listening. */
  readonly onExit: (listener: () => void) => () => void
  /** The resolver for so many names. A look-up that hangs must not hold up the end of the process. */
  readonly openLookup: (nameCount: number) => Promise<Lookup>
  /** The driver; it needs the package `pg`. */
  readonly loadPg: () => Promise<PgEntry>
}
