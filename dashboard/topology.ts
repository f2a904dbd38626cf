import type { HostView, StateView } from '../src/dashboard/view.ts'
import { byId, setText, svg } from './dom.ts'
import { MARKS, bytes, duration, roleName, shorten, toneOf } from './format.ts'

const BOX = { width: 176, height: 58, gap: 16, rise: 64 }
const PLACE = byId('topology')

let drawn = ''
let lagTexts: ReadonlyMap<string, SVGElement> = new Map()

/** The master above, who follows it below, who is out at the bottom; drawn anew only when that changes. */
export function drawTopology({ hosts }: StateView): void {
  const width = Math.max(280, PLACE.clientWidth)
  const key = `${width} ${hosts.map(({ host, state }) => `${host}=${state}`).join(' ')}`
  if (key !== drawn) {
    drawn = key
    PLACE.replaceChildren(picture(hosts, width))
  }
  for (const host of hosts) {
    const text = lagTexts.get(host.host)
    if (text !== undefined) setText(text, hosts.some(({ kind }) => kind === 'master') ? lagOf(host) : '')
  }
}

interface Row {
  readonly hosts: readonly (HostView | undefined)[]
  readonly top: number
}

function picture(hosts: readonly HostView[], width: number): SVGElement {
  const masters = hosts.filter(({ kind }) => kind === 'master')
  const replicas = hosts.filter(({ kind }) => kind === 'replica' || kind === 'read-only-master')
  const out = hosts.filter((host) => !masters.includes(host) && !replicas.includes(host))
  const across = Math.max(1, Math.floor((width + BOX.gap) / (136 + BOX.gap)))
  const widest = Math.min(across, Math.max(masters.length, replicas.length, out.length, 1))
  const boxWidth = Math.min(BOX.width, (width - (widest - 1) * BOX.gap) / widest)
  const step = BOX.height + BOX.rise
  const rows: Row[] = chunks(masters.length === 0 ? [undefined] : masters, across, 0, BOX.height + BOX.gap)
  const replicaTop = (rows.at(-1)?.top ?? 0) + step
  const followers = chunks(replicas, across, replicaTop, BOX.height + BOX.gap + 8)
  const outTop = (followers.at(-1)?.top ?? rows.at(-1)?.top ?? 0) + BOX.height + 44
  const outside = chunks(out, across, outTop, BOX.height + BOX.gap)
  const height = (outside.at(-1) ?? followers.at(-1) ?? rows.at(-1))?.top ?? 0
  const centre = (row: Row, index: number): number =>
    width / 2 + (index - (row.hosts.length - 1) / 2) * (boxWidth + BOX.gap)
  const edges = followers.flatMap((row) => edgesTo(row, width / 2, centre, masters.length === 0))
  lagTexts = new Map(edges.map(({ host, lag }) => [host, lag]))
  const boxes = [...rows, ...followers, ...outside].flatMap((row) =>
    row.hosts.map((host, index) => box(host, centre(row, index) - boxWidth / 2, row.top, boxWidth)),
  )
  const caption = svg('text', { x: width / 2, y: outTop - 14, class: 'caption' }, 'Out of use')
  return svg(
    'svg',
    {
      width,
      height: height + BOX.height + 2,
      viewBox: `0 -1 ${width} ${height + BOX.height + 2}`,
      role: 'img',
      'aria-label': inWords(masters, replicas, out),
    },
    ...edges.map(({ line }) => line),
    ...boxes,
    ...edges.map(({ lag }) => lag),
    ...(out.length === 0 ? [] : [caption]),
  )
}

function chunks<T>(list: readonly T[], size: number, top: number, step: number): { hosts: T[]; top: number }[] {
  const rows: { hosts: T[]; top: number }[] = []
  for (let start = 0; start < list.length; start += size) {
    rows.push({ hosts: list.slice(start, start + size), top: top + rows.length * step })
  }
  return rows
}

function edgesTo(
  row: Row,
  x: number,
  centre: (row: Row, index: number) => number,
  idle: boolean,
): { host: string; line: SVGElement; lag: SVGElement }[] {
  return row.hosts.flatMap((host, index) => {
    if (host === undefined) return []
    const [to, from, end] = [centre(row, index), BOX.height, row.top]
    const middle = row.top - BOX.rise / 2
    const line = svg('path', {
      d: `M${x} ${from}V${middle - 10}Q${x} ${middle} ${x + Math.sign(to - x) * Math.min(10, Math.abs(to - x))} ${middle}H${to - Math.sign(to - x) * Math.min(10, Math.abs(to - x))}Q${to} ${middle} ${to} ${middle + 10}V${end}`,
      class: `edge${idle ? ' idle' : host.state === 'suspect' ? ' doubt' : ''}`,
    })
    const lag = svg('text', { x: to + 8, y: end - 9, class: 'lag' }, idle ? '' : lagOf(host))
    return [{ host: host.host, line, lag }]
  })
}

function lagOf({ lagMs, lagBytes }: HostView): string {
  if (lagMs === undefined) return 'lag not known'
  if (lagMs === 0) return 'in step'
  return `${duration(lagMs)} behind${lagBytes === undefined || lagBytes === 0 ? '' : `, ${bytes(lagBytes)}`}`
}

function box(host: HostView | undefined, x: number, y: number, width: number): SVGElement {
  const tone = host === undefined ? 'bad' : toneOf(host.state)
  const role = host === undefined ? 'Writes wait' : roleText(host)
  const name = host === undefined ? 'No master' : shorten(host.host, width - 50)
  const mark = svg('path', {
    d: MARKS[tone] ?? '',
    transform: `translate(${x + 13} ${y + 19}) scale(.85)`,
    class: 'mark',
  })
  return svg(
    'g',
    { class: `box ${tone}${host === undefined ? ' ghost' : ''}` },
    svg('rect', { x, y, width, height: BOX.height, rx: 10 }),
    mark,
    svg('text', { x: x + 42, y: y + 25, class: 'name' }, name),
    svg('text', { x: x + 42, y: y + 43, class: 'role' }, role),
  )
}

function roleText({ state, kind }: HostView): string {
  if (state === 'master') return 'master · writes'
  if (state === 'replica') return 'replica · reads'
  if (state === 'suspect') return `${kind}, in doubt`
  return roleName(state)
}

function inWords(masters: readonly HostView[], replicas: readonly HostView[], out: readonly HostView[]): string {
  const names = (hosts: readonly HostView[]): string =>
    hosts.map(({ host, state }) => `${host} (${roleName(state)})`).join(', ')
  const master = masters.length === 0 ? 'No master.' : `Master: ${names(masters)}.`
  const followers = replicas.length === 0 ? ' No replica.' : ` Replicas: ${names(replicas)}.`
  return `${master}${followers}${out.length === 0 ? '' : ` Out of use: ${names(out)}.`}`
}
