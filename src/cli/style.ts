import { styleText } from 'node:util'
import type { Io } from './io.ts'

type Format = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'

/** Colours a text, or leaves it as it is. */
export type Style = (format: Format | undefined, text: string) => string

/** Colours on a terminal that has them, unless NO_COLOR says no (no-color.org). */
export function styleFor({ out, environment }: Io): Style {
  const isPlain = out.isTTY !== true || Boolean(environment['NO_COLOR']) || environment['TERM'] === 'dumb'
  return (format, text) => (isPlain || format === undefined ? text : styleText(format, text, { validateStream: false }))
}
