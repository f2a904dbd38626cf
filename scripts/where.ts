// Says where a stack trace of a published version was in the sources. In a checkout of that version, after `npm run build`:
// npm run --silent where < stack-trace.txt
import { existsSync, readFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import type { SourceMapPayload } from 'node:module'
import { join, posix, resolve } from 'node:path'
import { text } from 'node:stream/consumers'

const root = resolve(import.meta.dirname, '..')

/** Where `npm run build` puts the way back to the sources: in the repository, not in the packages. */
const MAPS: Readonly<Record<string, string>> = { hasql: 'maps', 'hasql-testing': 'maps/packages/testing' }

/** The same text with the place in the sources for each place in a published file, and the name that the function has there. */
export function located(trace: string): string {
  const place = /[^\s(]*\b(hasql|hasql-testing)\/(dist\/[\w/-]+\.js):(\d+):(\d+)/g
  return trace.replace(place, (published, name: string, file: string, line: string, column: string) => {
    const map = join(root, MAPS[name] ?? '', `${file}.map`)
    if (!existsSync(map)) return published
    const payload = JSON.parse(readFileSync(map, 'utf8')) as SourceMapPayload
    const origin = new SourceMap(payload).findOrigin(Number(line), Number(column))
    if (!('fileName' in origin)) return published
    const source = posix.join(posix.dirname(file), origin.fileName).replace(/^(?:\.\.\/)+/, '')
    const called = origin.name === undefined ? '' : ` ${origin.name}`
    return `${source}:${origin.lineNumber}:${origin.columnNumber}${called}`
  })
}

if (process.argv[1] === import.meta.filename) process.stdout.write(located(await text(process.stdin)))
