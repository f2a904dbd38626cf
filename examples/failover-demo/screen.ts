import { styleText } from 'node:util'
import type { HostDescription } from 'hasql/pg'
import type { Drill } from './drill.ts'

const REFRESH_MS = 200

/** What happens, live: a picture that is redrawn on a terminal, plain lines everywhere else. */
export class Screen {
  readonly #out: NodeJS.WriteStream
  readonly #startMs = performance.now()
  #drill: Drill | undefined
  #timer: NodeJS.Timeout | undefined
  #drawn = 0
  #counted = 0

  constructor(out: NodeJS.WriteStream) {
    this.#out = out
  }

  /** Follows a drill: every change as a line, and on a terminal the hosts and rates below. */
  watch(drill: Drill): void {
    this.#drill = drill
    drill.db.on('hostUp', ({ host, state }) => this.note(`${host} is up: ${state.kind}`))
    drill.db.on('hostDown', ({ host, state, cause }) => this.note(`${host} is ${state.kind}: ${cause.message}`))
    drill.db.on('roleChange', ({ host, before, after }) => this.note(`${host}: ${before.kind} -> ${after.kind}`))
    drill.db.on('masterChange', ({ after, epoch }) => this.note(`the master is ${after} now (no. ${epoch})`))
    drill.db.on('staleMaster', ({ host }) => this.note(`${host} believes to be master on an old timeline: fenced`))
    if (this.#out.isTTY) this.#timer = setInterval(() => this.#draw(), REFRESH_MS)
  }

  title(faultName: string): void {
    const words = faultName.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
    this.#write(`\n${this.#paint('bold', `== ${words} ==`)}`)
  }

  note(text: string): void {
    const seconds = ((performance.now() - this.#startMs) / 1_000).toFixed(2).padStart(6)
    this.#write(`${seconds} s  ${text}`)
  }

  close(): void {
    clearInterval(this.#timer)
    this.#erase()
    this.#drill = undefined
  }

  #write(line: string): void {
    this.#erase()
    this.#out.write(`${line}\n`)
    if (this.#timer !== undefined) this.#draw()
  }

  #draw(): void {
    if (this.#drill === undefined) return
    this.#erase()
    const lines = [
      '',
      ...hostLines(this.#drill).map(([state, text]) => this.#paint(colourOf(state), text)),
      this.#rates(this.#drill),
    ]
    this.#out.write(`${lines.join('\n')}\n`)
    this.#drawn = lines.length
  }

  #erase(): void {
    if (this.#drawn > 0) this.#out.write(`\u001b[${this.#drawn}A\u001b[0J`)
    this.#drawn = 0
  }

  #rates({ workload }: Drill): string {
    const fresh = workload.operations.slice(this.#counted)
    this.#counted = workload.operations.length
    const count = (kind: string, failed: boolean): number =>
      fresh.filter((operation) => operation.kind === kind && (operation.error !== undefined) === failed).length
    const perSecond = (value: number): string => String(Math.round((value * 1_000) / REFRESH_MS)).padStart(5)
    const failed = count('write', true) + count('read', true)
    return `  writes ${perSecond(count('write', false))}/s   reads ${perSecond(count('read', false))}/s   failed ${failed}`
  }

  #paint(style: 'bold' | 'green' | 'cyan' | 'yellow' | 'red', text: string): string {
    return this.#out.isTTY ? styleText(style, text) : text
  }
}

function hostLines({ db }: Drill): readonly (readonly [HostDescription, string])[] {
  return [...db.topology.hosts.values()].map((host) => {
    const doubt = 'suspicion' in host && host.suspicion !== undefined ? ' (suspect)' : ''
    const leased = db.metrics().drivers.find((metrics) => metrics.host === host.hostId)?.used ?? 0
    return [host, `  ${host.hostId.padEnd(18)} ${`${host.kind}${doubt}`.padEnd(22)} ${leased} leased`]
  })
}

function colourOf(host: HostDescription): 'green' | 'cyan' | 'yellow' | 'red' {
  if ('suspicion' in host && host.suspicion !== undefined) return 'yellow'
  if (host.kind === 'master') return 'green'
  return host.kind === 'replica' ? 'cyan' : 'red'
}
