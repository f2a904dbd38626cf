/** `16/B374D848`, as PostgreSQL writes it. */
export function wordLsn(lsn: bigint): string {
  return `${(lsn >> 32n).toString(16)}/${(lsn & 0xffff_ffffn).toString(16)}`.toUpperCase()
}

/** `812 ms`, `3.2 s`, `4 min 5 s`, `3 h 12 min`, `8 d 4 h`. */
export function wordTime(timeMs: number): string {
  if (timeMs < 999.5) return `${timeMs < 10 ? timeMs.toFixed(1) : timeMs.toFixed(0)} ms`
  if (timeMs < 59_950) return `${(timeMs / 1_000).toFixed(1)} s`
  const seconds = Math.round(timeMs / 1_000)
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 1_440) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
  return `${Math.floor(minutes / 1_440)} d ${Math.floor((minutes % 1_440) / 60)} h`
}

/** `512 B`, `1.5 kB`, `12 MB`. */
export function wordBytes(bytes: number): string {
  let [value, unit] = [bytes, 'B']
  for (const larger of ['kB', 'MB', 'GB', 'TB']) {
    if (value < 999.5) break
    value /= 1_000
    unit = larger
  }
  return `${unit === 'B' || value >= 9.95 ? value.toFixed(0) : value.toFixed(1)} ${unit}`
}
