import type { Message } from '../src/dashboard/view.ts'
import { byId, html, setAttributes, setText, svg } from './dom.ts'
import { MARKS, age, duration, rate } from './format.ts'
import { basePath, drawHosts } from './hosts.ts'
import { Model } from './model.ts'
import { CHARTS, drawLanes } from './plots.ts'
import { setUpTheme } from './theme.ts'
import { drawTopology } from './topology.ts'

const model = new Model()
const charts = CHARTS()

function drawHealth(): void {
  const { state, nowMs } = model
  if (state === undefined) return
  const { level, headline, detail, title, note, manager, hosts } = state
  const outage = manager.masterlessAtMs === undefined ? 0 : nowMs - manager.masterlessAtMs
  setText(byId('title'), title)
  setAttributes(byId('health'), { class: level, 'data-level': level })
  setText(byId('headline'), headline)
  setText(byId('detail'), outage > 0 && level === 'bad' ? `For ${age(outage)}. ${detail}` : detail)
  byId('note').hidden = note === undefined
  setText(byId('note'), note ?? '')
  const mark = byId('mark').firstElementChild
  if (mark !== null) setAttributes(mark, { d: MARKS[level] ?? '' })
  document.title = `${level === 'ok' ? '' : `${headline}: `}${title}`
  const leases = hosts.map((_, index) => model.ratesOf(index).at(-1)?.[1])
  const known = leases.filter((value) => value !== null && value !== undefined)
  const waiting = hosts.reduce((sum, host) => sum + host.waiting, manager.waiters)
  drawFigures([
    ['Leases', known.length === 0 ? rate(null) : rate(known.reduce((sum, value) => sum + value, 0))],
    ['Callers waiting', String(waiting)],
    ['Timed out', String(manager.acquireTimeouts)],
    ['Failovers', String(manager.failovers)],
    ['Without a master', duration(manager.outageMs)],
  ])
}

function drawFigures(figures: readonly (readonly [string, string])[]): void {
  const list = byId('figures')
  while (list.childElementCount < figures.length) list.append(html('div', {}, html('dt'), html('dd')))
  for (const [index, [name, value]] of figures.entries()) {
    const [term, figure] = list.children[index]?.children ?? []
    if (term !== undefined) setText(term, name)
    if (figure !== undefined) setText(figure, value)
  }
}

function drawNews(): void {
  const list = byId('changes')
  const shown = new Set([...list.children].map((line) => line.getAttribute('data-id')))
  for (const { id, atMs, level, text } of model.changes) {
    if (shown.has(String(id))) continue
    const at = model.wallTime(atMs)
    const time = html('time', { datetime: at.toISOString() }, at.toLocaleTimeString('en-GB'))
    const mark = svg('svg', { viewBox: '0 0 24 24', 'aria-hidden': 'true' }, svg('path', { d: MARKS[level] ?? '' }))
    list.prepend(html('li', { class: level, 'data-id': id }, time, mark, html('span', {}, text)))
  }
  const known = new Set(model.changes.map(({ id }) => String(id)))
  for (const line of [...list.children]) if (!known.has(line.getAttribute('data-id') ?? '')) line.remove()
  setAttributes(list, { class: model.changes.length === 0 ? 'empty' : '' })
  for (const { text } of model.news) byId('live').append(html('span', {}, `${text}. `))
  while (byId('live').childElementCount > 10) byId('live').firstElementChild?.remove()
  model.news = []
}

function draw(): void {
  if (model.state === undefined) return
  drawHealth()
  drawTopology(model.state)
  drawHosts(model)
  drawLanes(model)
  for (const chart of charts) chart.draw(model)
  drawNews()
}

function setLink(state: 'live' | 'lost' | 'ended', text: string): void {
  setText(byId('link'), text)
  setAttributes(byId('link'), { class: state })
  document.body.classList.toggle('stale', state !== 'live')
}

function listen(): void {
  const source = new EventSource(`${basePath()}events`)
  source.onmessage = ({ data }: MessageEvent<string>) => {
    setLink('live', 'Live')
    model.take(JSON.parse(data) as Message)
    draw()
  }
  source.onerror = () => {
    const ended = source.readyState === EventSource.CLOSED
    setLink(ended ? 'ended' : 'lost', ended ? 'Ended: reload to look again' : 'Reconnecting')
  }
  // A page that nobody sees asks for nothing.
  document.addEventListener(
    'visibilitychange',
    () => {
      if (document.visibilityState !== 'hidden') return
      source.close()
      document.addEventListener('visibilitychange', listen, { once: true })
    },
    { once: true },
  )
}

setUpTheme(byId('theme'))
listen()
addEventListener('resize', draw)
