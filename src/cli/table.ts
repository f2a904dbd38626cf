/** One column of a table. */
export interface Column<T> {
  readonly title: string
  readonly of: (row: T) => string
  readonly align?: 'right'
  /** Where the width does not suffice the highest goes first; without it, the column stays. */
  readonly drop?: number
}

/** Lines of a table, the titles first; `width` is that of the terminal, if it has one. */
export function tableLines<T>(
  rows: readonly T[],
  columns: readonly Column<T>[],
  width: number = Infinity,
): readonly string[] {
  let kept = columns
  for (;;) {
    const widths = kept.map(({ title, of }) => Math.max(title.length, ...rows.map((row) => of(row).length)))
    const total = widths.reduce((sum, each) => sum + each + 2, -2)
    const first = [...kept]
      .filter(({ drop }) => drop !== undefined)
      .sort((one, other) => (other.drop ?? 0) - (one.drop ?? 0))[0]
    if (total <= width || first === undefined) {
      const line = (cells: readonly string[]): string =>
        fitted(
          cells
            .map((cell, at) => padded(cell, widths[at] ?? 0, kept[at]?.align))
            .join('  ')
            .trimEnd(),
          width,
        )
      return [line(kept.map(({ title }) => title)), ...rows.map((row) => line(kept.map(({ of }) => of(row))))]
    }
    kept = kept.filter((column) => column !== first)
  }
}

/** The text if it fits, else what does of it. */
export function fitted(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`
}

function padded(text: string, width: number, align: 'right' | undefined): string {
  return align === 'right' ? text.padStart(width) : text.padEnd(width)
}
