import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

/** Removes the declarations that nobody who uses the package can see: those that no entry point leads to. */
const { exports } = JSON.parse(readFileSync('package.json', 'utf8'))
const entries = Object.values(exports).flatMap(({ types }) => (types === undefined ? [] : [normalize(types)]))

const seen = new Set(entries)
for (const file of seen) {
  for (const [, name] of readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*\(?['"](\.[^'"]+)['"]/g)) {
    const declared = join(dirname(file), name.replace(/\.[jt]s$/, '.d.ts'))
    if (!existsSync(declared)) throw new Error(`${file} names ${name}, which is not there`)
    seen.add(declared)
  }
}
for (const name of readdirSync('dist', { recursive: true })) {
  const file = join('dist', name)
  if (file.endsWith('.d.ts') && !seen.has(file)) rmSync(file)
}
