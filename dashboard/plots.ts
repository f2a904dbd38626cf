import type { StateView } from '../src/dashboard/view.ts'
import { byId, html, setText, svg } from './dom.ts'
import { duration, rate, roleName, shorten, toneOf } from './format.ts'
import type { Model } from './model.ts'

type Point = readonly [atMs: number, value: number | null]
type Show = (value: number | null | undefined) => string

/** Lines differ by their dashes too, so that nobody has to tell colours apart. */
const DASHES = ['', '7 3', '2 3', '9 3 2 3', '12 4', '1 4']
const LANE = { height: 22, gap: 8 }
const CHART_HEIGHT = 132

/** What each host was in the last minutes: a bar of coloured pieces for each. */
export function drawLanes(model: Model): void {
  const place = byId('lanes')
  const hosts = model.state?.hosts ?? []
  const [width, nowMs, windowMs] = [Math.max(280, place.clientWidth), model.nowMs, model.windowMs]
  const left = width < 560 ? 0 : 150
  const step = LANE.height + LANE.gap + (left === 0 ? 16 : 0)
  const x = (atMs: number): number => left + (width - left) * Math.max(0, 1 - (nowMs - atMs) / windowMs)
  const lanes = hosts.flatMap(({ host }, row) => {
    const spans = model.spans[row] ?? []
    const top = row * step + (left === 0 ? 16 : 0)
    const label = svg(
      'text',
      { x: 0, y: left === 0 ? top - 5 : top + 15, class: 'axis name' },
      shorten(host, left === 0 ? width : left - 8),
    )
    const pieces = spans.flatMap(([atMs, state], index) => {
      const [from, to] = [x(atMs), x(spans[index + 1]?.[0] ?? nowMs)]
      if (to <= left) return []
      const bar = svg('rect', {
        x: from,
        y: top,
        width: Math.max(1.5, to - from - 1),
        height: LANE.height,
        rx: Math.min(4, (to - from) / 3),
        class: `lane ${toneOf(state)}`,
      })
      bar.append(svg('title', {}, `${roleName(state)}, ${model.wallTime(atMs).toLocaleTimeString()}`))
      const room = to - from > roleName(state).length * 7 + 14
      return [
        bar,
        ...(room ? [svg('text', { x: from + 8, y: top + 15, class: `on ${toneOf(state)}` }, roleName(state))] : []),
      ]
    })
    return [label, ...pieces]
  })
  const bottom = hosts.length * step + 10
  const words = hosts.map(({ host, state }, row) => `${host} is ${roleName(state)}, ${changesOf(model, row)}`)
  place.replaceChildren(
    svg(
      'svg',
      { width, height: bottom + 6, viewBox: `0 0 ${width} ${bottom + 6}`, role: 'img', 'aria-label': words.join('; ') },
      ...lanes,
      ...timeAxis(width, left, bottom, windowMs),
    ),
  )
}

function changesOf(model: Model, row: number): string {
  const size = (model.spans[row] ?? []).filter(([atMs]) => atMs > model.nowMs - model.windowMs).length
  return `${size} change${size === 1 ? '' : 's'} in ${duration(model.windowMs)}`
}

function timeAxis(width: number, left: number, y: number, windowMs: number): SVGElement[] {
  const steps = width - left < 420 ? 2 : 4
  return Array.from({ length: steps + 1 }, (_, step) => {
    const seconds = (windowMs / 1_000) * (1 - step / steps)
    const text = seconds === 0 ? 'now' : seconds < 120 ? `${seconds} s ago` : `${seconds / 60} min ago`
    const anchor = step === 0 ? 'start' : step === steps ? 'end' : 'middle'
    const x = left + ((width - left) * step) / steps
    return svg('text', { x, y: y + 2, class: 'axis', 'text-anchor': anchor }, text)
  })
}

/** A chart with a line for each host; its panel is made once. */
export class Chart {
  readonly #name: string
  readonly #show: Show
  readonly #pointsOf: (model: Model, index: number) => readonly Point[]
  readonly #least: number
  readonly #plot = html('div', { class: 'plot' })
  readonly #legend = html('ul', { class: 'legend' })

  /** `least`: what the scale goes up to at least, so that noise does not look like trouble. */
  constructor(name: string, show: Show, least: number, pointsOf: (model: Model, index: number) => readonly Point[]) {
    this.#name = name
    this.#show = show
    this.#least = least
    this.#pointsOf = pointsOf
    const id = `chart-${name.toLowerCase().replaceAll(' ', '-')}`
    const panel = html(
      'section',
      { class: 'panel', 'aria-labelledby': id },
      html('h2', { id }, name),
      this.#plot,
      this.#legend,
    )
    byId('charts').append(panel)
  }

  draw(model: Model): void {
    const hosts = model.state?.hosts ?? []
    const [width, nowMs, windowMs] = [Math.max(240, this.#plot.clientWidth), model.nowMs, model.windowMs]
    const lines = hosts.map((_, index) => this.#pointsOf(model, index).filter(([atMs]) => atMs > nowMs - windowMs))
    const top = niceTop(Math.max(this.#least, ...lines.flat().map(([, value]) => value ?? 0)))
    const height = CHART_HEIGHT
    const x = (atMs: number): number => width * (1 - (nowMs - atMs) / windowMs)
    const y = (value: number): number => 8 + (height - 26) * (1 - value / top)
    const grid = [0, 0.5, 1].map((share) =>
      svg('line', { x1: 0, x2: width, y1: y(top * share), y2: y(top * share), class: 'grid' }),
    )
    const scale = [0.5, 1].map((share) =>
      svg(
        'text',
        { x: 2, y: y(top * share) - 3 + (share === 1 ? 14 : 0), class: 'axis halo' },
        this.#show(top * share),
      ),
    )
    const paths = lines.map((points, index) =>
      svg('path', {
        d: pathOf(points, x, y),
        class: `line c${index % 6}`,
        'stroke-dasharray': DASHES[index % 6] ?? '',
      }),
    )
    const label = `${this.#name}: ${hosts.map(({ host }, index) => this.#inWords(host, lines[index] ?? [])).join('; ')}`
    this.#plot.replaceChildren(
      svg(
        'svg',
        { width, height, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': label },
        ...grid,
        ...paths,
        ...scale,
        ...timeAxis(width, 0, height - 4, windowMs),
      ),
    )
    this.#drawLegend(hosts, lines)
  }

  #inWords(host: string, points: readonly Point[]): string {
    const values = points.flatMap(([, value]) => (value === null ? [] : [value]))
    if (values.length === 0) return `${host} not known`
    return `${host} ${this.#show(points.at(-1)?.[1])} now, at most ${this.#show(Math.max(...values))}`
  }

  #drawLegend(hosts: StateView['hosts'], lines: readonly (readonly Point[])[]): void {
    while (this.#legend.childElementCount < hosts.length) {
      const index = this.#legend.childElementCount
      const swatch = svg(
        'svg',
        { viewBox: '0 0 22 8', 'aria-hidden': 'true' },
        svg('path', { d: 'M0 4h22', class: `line c${index % 6}`, 'stroke-dasharray': DASHES[index % 6] ?? '' }),
      )
      this.#legend.append(html('li', {}, swatch, html('span'), html('b')))
    }
    for (const [index, { host }] of hosts.entries()) {
      const [, name, value] = this.#legend.children[index]?.children ?? []
      if (name !== undefined) setText(name, host)
      if (value !== undefined) setText(value, this.#show(lines[index]?.at(-1)?.[1]))
    }
  }
}

export const CHARTS = (): readonly Chart[] => [
  new Chart('Response time', duration, 1, ({ samples }, index) =>
    samples.map(({ atMs, hosts }) => [atMs, hosts[index]?.[0] ?? null]),
  ),
  new Chart('Replica lag', duration, 100, ({ samples }, index) =>
    samples.map(({ atMs, hosts }) => [atMs, hosts[index]?.[1] ?? null]),
  ),
  new Chart('Load in leases', rate, 1, (model, index) => model.ratesOf(index)),
]

function pathOf(points: readonly Point[], x: (atMs: number) => number, y: (value: number) => number): string {
  let path = ''
  let lastMs: number | undefined
  for (const [atMs, value] of points) {
    if (value === null) lastMs = undefined
    else {
      path += `${lastMs === undefined || atMs - lastMs > 3_000 ? 'M' : 'L'}${x(atMs).toFixed(1)} ${y(value).toFixed(1)}`
      lastMs = atMs
    }
  }
  return path
}

/** The next round number: 1, 2 or 5 with noughts. */
function niceTop(value: number): number {
  const ten = 10 ** Math.floor(Math.log10(value))
  return ([1, 2, 5, 10].find((step) => step * ten >= value) ?? 10) * ten
}
