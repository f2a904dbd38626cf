/** What is not known. */
export const NONE = '–'

/** `0.42 ms`, `12 ms`, `3.4 s`, `2 min 5 s`, `3 h 12 min`, `2 d 4 h`. */
export function duration(value: number | undefined | null): string {
  if (value === undefined || value === null) return NONE
  if (value < 10) return `${value === 0 ? 0 : value.toFixed(value < 1 ? 2 : 1)} ms`
  if (value < 1_000) return `${Math.round(value)} ms`
  if (value < 10_000) return `${(value / 1_000).toFixed(1)} s`
  return span(Math.round(value / 1_000))
}

/** The same to the second: for what is looked at while it grows. */
export function age(value: number): string {
  return span(Math.max(0, Math.floor(value / 1_000)))
}

function span(seconds: number): string {
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3_600)} h`
}

export function bytes(value: number | undefined): string {
  if (value === undefined) return NONE
  if (value < 1_000) return `${value} B`
  const [size, unit] = value < 1e6 ? [value / 1e3, 'kB'] : value < 1e9 ? [value / 1e6, 'MB'] : [value / 1e9, 'GB']
  return `${size.toFixed(size < 10 ? 1 : 0)} ${unit}`
}

export function rate(value: number | undefined | null): string {
  if (value === undefined || value === null) return NONE
  return `${value < 10 ? Number(value.toFixed(1)) : Math.round(value).toLocaleString('en')}/s`
}

/** A name that fits into a width: the port is what tells hosts on one machine apart, so the front is cut. */
export function shorten(host: string, width: number): string {
  const room = Math.floor(width / 7.4)
  return host.length <= room ? host : `…${host.slice(1 - room)}`
}

/** The words for what a host is. */
export function roleName(state: string): string {
  return state === 'not-ready' ? 'not ready' : state.replace('-', ' ')
}

/** The class by which a state is coloured: in use, in doubt, out. */
export function toneOf(state: string): 'master' | 'replica' | 'warn' | 'bad' | 'fenced' | 'quiet' {
  if (state === 'master') return 'master'
  if (state === 'replica' || state === 'read-only-master') return 'replica'
  if (state === 'suspect' || state === 'not-ready') return 'warn'
  if (state === 'unknown' || state === 'duplicate-master') return 'quiet'
  return state === 'unreachable' || state === 'rejected' ? 'bad' : 'fenced'
}

/** Drawn in a square of 24: nothing is told by colour alone. */
export const MARKS: Readonly<Record<string, string>> = {
  master: 'M4 17h16M4 8l4 4 4-7 4 7 4-4-1.5 9h-13z',
  replica: 'M12 4v12m-5-5 5 5 5-5M5 20h14',
  ok: 'm5 13 4.5 4.5L19 7',
  info: 'M12 11v6m0-10v.5',
  warn: 'M12 6v8m0 4v.5',
  bad: 'M6 6l12 12M18 6 6 18',
  fenced: 'M7 11V8a5 5 0 0 1 10 0v3M5 11h14v9H5z',
  quiet: 'M6 12h12',
}
