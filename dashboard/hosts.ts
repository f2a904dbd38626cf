import type { HostView } from '../src/dashboard/view.ts'
import { byId, html, setAttributes, setText, svg } from './dom.ts'
import { MARKS, NONE, age, bytes, duration, rate, roleName, toneOf } from './format.ts'
import type { Model } from './model.ts'

const LIST = byId('hosts')
const FIGURES = ['Response', 'Lag', 'Leases', 'Connections', 'Timeline', 'Position'] as const

/** The row of one host, made once and then kept: what has the focus keeps it. */
class HostRow {
  readonly element: HTMLElement
  readonly #mark = svg('path')
  readonly #name = html('span', { class: 'name' })
  readonly #role = html('span')
  readonly #since = html('span', { class: 'since' })
  readonly #why = html('p', { class: 'why' })
  readonly #figures = new Map<string, HTMLElement>(FIGURES.map((name) => [name, html('dd')]))
  readonly #meter = html('span', { class: 'meter', 'aria-hidden': 'true' }, html('i'))
  readonly #actions = html('div', { class: 'actions', role: 'group' })
  readonly #buttons = new Map<string, HTMLElement>()
  #owesFocus = false

  constructor() {
    const figures = [...this.#figures].map(([name, value]) => html('div', {}, html('dt', {}, name), value))
    figures[3]?.append(this.#meter)
    const heading = html(
      'h3',
      {},
      svg('svg', { viewBox: '0 0 24 24', 'aria-hidden': 'true' }, this.#mark),
      this.#name,
      this.#role,
      this.#since,
    )
    this.element = html('li', {}, heading, this.#why, html('dl', {}, ...figures), this.#actions)
  }

  show(host: HostView, nowMs: number, leases: number | null | undefined): void {
    const tone = toneOf(host.state)
    setAttributes(this.element, { class: tone, 'data-host': host.host, 'data-state': host.state })
    setAttributes(this.#mark, { d: MARKS[tone] ?? '' })
    setText(this.#name, host.host)
    setText(this.#role, host.state === 'suspect' ? `${roleName(host.kind)}, in doubt` : roleName(host.state))
    setAttributes(this.#role, { class: 'badge' })
    setText(this.#since, `for ${age(nowMs - host.sinceAtMs)}`)
    setText(this.#why, host.why)
    const { used, max, waiting, lagBytes } = host
    this.#set('Response', duration(host.responseTimeMs))
    this.#set(
      'Lag',
      host.kind === 'master'
        ? NONE
        : `${duration(host.lagMs)}${lagBytes === undefined || lagBytes === 0 ? '' : `, ${bytes(lagBytes)}`}`,
    )
    this.#set('Leases', rate(leases))
    this.#set('Connections', `${used} of ${max}${waiting > 0 ? `, ${waiting} wait` : ''}`)
    this.#set('Timeline', String(host.timeline ?? NONE))
    this.#set('Position', host.lsn ?? NONE)
    const bar = this.#meter.firstElementChild
    if (bar instanceof HTMLElement) bar.style.width = `${Math.min(100, (100 * used) / Math.max(1, max))}%`
    this.#offer(host)
  }

  #set(name: string, text: string): void {
    const value = this.#figures.get(name)
    if (value !== undefined) setText(value, text)
  }

  /** Whoever pressed a button that goes away stands on the first one that comes, if there is nothing better by then. */
  #offer({ host, actions }: HostView): void {
    setAttributes(this.#actions, { 'aria-label': `Break ${host}, or mend it` })
    this.#owesFocus ||= this.#actions.contains(document.activeElement)
    for (const [name, button] of this.#buttons) {
      if (actions.includes(name)) continue
      button.remove()
      this.#buttons.delete(name)
    }
    for (const name of actions) {
      if (this.#buttons.has(name)) continue
      const button = html('button', { type: 'button', 'data-action': name }, name)
      button.addEventListener('click', () => void act(name, host))
      this.#buttons.set(name, button)
      this.#actions.append(button)
    }
    const [first] = this.#buttons.values()
    if (!this.#owesFocus || first === undefined) return
    if (document.activeElement === document.body) first.focus()
    this.#owesFocus = false
  }
}

const rows = new Map<string, HostRow>()

export function drawHosts(model: Model): void {
  for (const [index, host] of (model.state?.hosts ?? []).entries()) {
    let row = rows.get(host.host)
    if (row === undefined) {
      row = new HostRow()
      rows.set(host.host, row)
      LIST.append(row.element)
    }
    row.show(host, model.nowMs, model.ratesOf(index).at(-1)?.[1])
  }
}

async function act(action: string, host: string): Promise<void> {
  const answer = byId('answer')
  setText(answer, `${action} ${host} …`)
  const query = new URLSearchParams({ action, host })
  try {
    const response = await fetch(`${basePath()}action?${String(query)}`, {
      method: 'POST',
      headers: { 'x-hasql-action': '1' },
    })
    setText(answer, `${action} ${host}: ${(await response.text()).toLowerCase()}`)
  } catch {
    setText(answer, `${action} ${host}: the server was not reached`)
  }
}

/** The page may be mounted anywhere, with a slash at the end or without. */
export function basePath(): string {
  return location.pathname.replace(/\/?$/, '/')
}
