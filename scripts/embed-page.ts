import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build, transform } from 'esbuild'

const folder = resolve(import.meta.dirname, '../dashboard')
export const EMBEDDED: string = resolve(import.meta.dirname, '../src/dashboard/page.ts')

/** The page of `dashboard/` in one piece, minified, as a module with the hashes by which its guard lets it run. */
export async function embedPage(): Promise<string> {
  const style = await transform(read('style.css'), { loader: 'css', minify: true, target: 'chrome123' })
  const { outputFiles } = await build({
    entryPoints: [join(folder, 'main.ts')],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    legalComments: 'none',
  })
  const [css, script] = [style.code.trim(), (outputFiles[0]?.text ?? '').trim()]
  const page = read('page.html')
    .replaceAll(/\s*\n\s*/g, ' ')
    .replaceAll(/> </g, '><')
    .replace('<!--style-->', () => `<style>${css}</style>`)
    .replace('<!--script-->', () => `<script>${script}</script>`)
  return [
    '// Made by `npm run build:page` from the folder dashboard/; do not edit.',
    `export const PAGE = ${quoted(page)}`,
    `export const STYLE_HASH = '${hash(css)}'`,
    `export const SCRIPT_HASH = '${hash(script)}'`,
    '',
  ].join('\n')
}

function read(name: string): string {
  return readFileSync(join(folder, name), 'utf8')
}

/** In single quotes, by which the repository's own checks know a text from code. */
function quoted(text: string): string {
  return `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`
}

function hash(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}

if (process.argv[1] === import.meta.filename) writeFileSync(EMBEDDED, await embedPage())
