import type { Clock, Hold, Timer } from './clock.ts'
import type { Milliseconds } from './milliseconds.ts'
import { ms } from './milliseconds.ts'

/** Looked up once: the global is a getter. */
const { performance } = globalThis

class SystemTimer implements Timer {
  readonly #timeout: NodeJS.Timeout

  constructor(delayMs: Milliseconds, callback: () => void, hold: Hold) {
    this.#timeout = setTimeout(callback, delayMs)
    if (hold === 'nothing') this.#timeout.unref()
  }

  cancel(): void {
    clearTimeout(this.#timeout)
  }
}

/** The machine's own monotonic clock and timers. */
export const systemClock: Clock = {
  nowMs: () => ms(performance.now()),
  setTimer: (delayMs, callback, hold) => new SystemTimer(delayMs, callback, hold),
  // Two turns: the first check phase may come before the poll phase that reads the sockets.
  afterPendingIo: (callback) => {
    setImmediate(() => setImmediate(callback))
  },
}

/** The time of day, which may jump: for those who show or export times, never for measuring. */
export const epochMs = (): number => Date.now()
