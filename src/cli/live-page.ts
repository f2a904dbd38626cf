import type { Timer } from '../time/clock.ts'
import { ms } from '../time/milliseconds.ts'
import { narrowTable } from './host-table.ts'
import { widthOf } from './io.ts'
import type { Io } from './io.ts'
import type { Watching } from './open-manager.ts'
import { reportOn } from './report.ts'
import { NO_LOOKS, verdictOf } from './verdict.ts'
import { styleFor } from './style.ts'
import type { Style } from './style.ts'
import { fitted } from './table.ts'
import type { Target } from './target.ts'
import { wordTime } from './words.ts'

/** Longest wait between two drawings: ages grow while nothing happens. */
const REDRAW_MS = ms(1_000)
/** Changes that come together are drawn together. */
const GATHER_MS = ms(50)
const MAX_NOTES = 100

/** The terminal's second page, no cursor, no wrapping; and back (ECMA-48, xterm "DEC private modes"). */
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l'
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l'
const HOME = '\u001b[H'
const CLEAR_LINE = '\u001b[K'
const CLEAR_BELOW = '\u001b[J'

/** The page of `hasql watch`, redrawn with each change and every second. */
export class LivePage {
  readonly #target: Target
  readonly #watching: Watching
  readonly #io: Io
  readonly #style: Style
  readonly #notes: string[] = []
  #timer: Timer | undefined
  #isSoon = false
  readonly #offs: (() => void)[] = []

  constructor(target: Target, watching: Watching, io: Io) {
    this.#target = target
    this.#watching = watching
    this.#io = io
    this.#style = styleFor(io)
  }

  open(): void {
    const { out, keys, onExit } = this.#io
    this.#offs.push(onExit(() => this.close()))
    if (keys.isTTY === true) keys.setRawMode?.(true)
    keys.resume()
    out.write(ENTER)
    out.on('resize', this.#drawSoon)
    this.#offs.push(this.#watching.manager.on('topologyChange', this.#drawSoon))
    this.#draw()
  }

  /** Safe at any time: the terminal is as it was before `open`. */
  close(): void {
    const { out, keys } = this.#io
    this.#timer?.cancel()
    for (const off of this.#offs.splice(0)) off()
    out.off('resize', this.#drawSoon)
    if (keys.isTTY === true) keys.setRawMode?.(false)
    keys.pause()
    out.write(LEAVE)
  }

  note(line: string): void {
    this.#notes.push(line)
    if (this.#notes.length > MAX_NOTES) this.#notes.shift()
    this.#drawSoon()
  }

  readonly #drawSoon = (): void => {
    if (this.#isSoon) return
    this.#isSoon = true
    this.#drawIn(GATHER_MS)
  }

  #drawIn(delayMs: typeof REDRAW_MS): void {
    this.#timer?.cancel()
    this.#timer = this.#io.clock.setTimer(delayMs, () => this.#draw(), 'nothing')
  }

  #draw(): void {
    this.#isSoon = false
    const columns = widthOf(this.#io.out)
    const { rows = 24 } = this.#io.out
    const lines = this.#lines(columns)
    const room = Math.max(0, rows - lines.length - 2)
    const notes = room === 0 ? [] : this.#notes.slice(-room).map((line) => fitted(line, columns))
    const page = [...lines, '', ...notes].slice(0, rows - 1)
    const blank = new Array<string>(Math.max(0, rows - 1 - page.length)).fill('')
    const all = [...page, ...blank, this.#style('dim', fitted('q quits', columns))]
    this.#io.out.write(`${HOME}${all.map((line) => `${line}${CLEAR_LINE}`).join('\r\n')}${CLEAR_BELOW}`)
    this.#drawIn(REDRAW_MS)
  }

  #lines(columns: number): readonly string[] {
    const { manager, facts } = this.#watching
    const nowMs = this.#io.clock.nowMs()
    const { topology } = manager
    // What may be wrong for a moment only is not worth a red line that comes and goes.
    const reasons = verdictOf(topology, NO_LOOKS).filter(({ settling }) => settling === undefined)
    const report = reportOn(this.#target.dsn, topology, facts, reasons, nowMs)
    const { masterlessSinceMs } = topology
    const state =
      masterlessSinceMs === undefined
        ? `master ${report.master ?? '-'}`
        : `no master for ${wordTime(nowMs - masterlessSinceMs)}`
    const problems = report.problems.filter((problem) => problem !== 'no-master').join(', ')
    const head = fitted(`${state}${problems === '' ? '' : `; ${problems}`}`, columns)
    return [
      this.#style('bold', fitted(report.dsn, columns)),
      this.#style(report.ok ? 'green' : 'red', head),
      '',
      ...narrowTable(report.hosts, this.#style, columns, 'seen'),
    ]
  }
}
