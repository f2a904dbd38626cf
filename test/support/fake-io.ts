import { EventEmitter } from 'node:events'
import type { Io, Screen } from '../../src/cli/io.ts'
import type { Lookup } from '../../src/network/lookup.ts'
import { systemLookup } from '../../src/network/system-lookup.ts'
import type { Clock } from '../../src/time/clock.ts'
import { systemClock } from '../../src/time/system-clock.ts'

class FakeScreen extends EventEmitter implements Screen {
  text = ''
  readonly isTTY: boolean
  columns: number
  rows = 24

  constructor(isTTY: boolean, columns: number) {
    super()
    this.isTTY = isTTY
    this.columns = columns
  }

  write(text: string): void {
    this.text += text
  }
}

class FakeKeyboard extends EventEmitter {
  isTTY: boolean
  /** Every mode the terminal was put into. */
  readonly modes: boolean[] = []

  constructor(isTTY: boolean) {
    super()
    this.isTTY = isTTY
  }

  setRawMode(raw: boolean): void {
    this.modes.push(raw)
  }

  resume(): void {}

  pause(): void {}
}

/** The world of a command, to be looked at and typed into. */
export class FakeIo implements Io {
  readonly environment: Readonly<Record<string, string>>
  readonly out: FakeScreen
  readonly err: FakeScreen
  readonly keys: FakeKeyboard
  readonly clock: Clock = systemClock
  /** The resolver. */
  lookup: Lookup = systemLookup
  readonly #stops = new Set<() => void>()
  readonly #exits = new Set<() => void>()

  constructor(environment: Readonly<Record<string, string>> = {}, terminal?: { readonly columns: number }) {
    this.environment = { HOME: '/nonexistent', USER: 'nobody', ...environment }
    this.out = new FakeScreen(terminal !== undefined, terminal?.columns ?? 80)
    this.err = new FakeScreen(terminal !== undefined, terminal?.columns ?? 80)
    this.keys = new FakeKeyboard(terminal !== undefined)
  }

  readonly now = (): Date => new Date(0)

  readonly openLookup = (): Promise<Lookup> => Promise.resolve(this.lookup)

  loadPg: Io['loadPg'] = () => import('../../src/drivers/pg.ts')

  readonly onStop = (listener: () => void): (() => void) => {
    this.#stops.add(listener)
    return () => void this.#stops.delete(listener)
  }

  readonly onExit = (listener: () => void): (() => void) => {
    this.#exits.add(listener)
    return () => void this.#exits.delete(listener)
  }

  /** How many have something to do when the process ends. */
  get exitListeners(): number {
    return this.#exits.size
  }

  /** The process ends. */
  exit(): void {
    for (const listener of [...this.#exits]) listener()
  }

  /** The process is asked to end. */
  stop(): void {
    for (const listener of this.#stops) listener()
  }
}
