// Makes the built package small without making it unreadable: no layout in the code, names as they were; and no declarations that
// no entry point leads to.
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { transformSync } from 'esbuild'

const IMPORT = /(?:from\s*|import\s*\(?\s*)["'](\.[^"']+)["']/g

const { exports: entries } = JSON.parse(readFileSync('package.json', 'utf8'))
const declared = new Set()
for (const { types } of Object.values(entries)) if (types !== undefined) follow(join(types))

for (const name of readdirSync('dist', { recursive: true }).map((each) => join('dist', each))) {
  if (name.endsWith('.d.ts')) {
    if (!declared.has(name)) rmSync(name)
  } else if (name.endsWith('.js')) {
    const { code } = transformSync(readFileSync(name, 'utf8'), {
      minifyWhitespace: true,
      minifySyntax: true,
      target: 'es2022',
      format: 'esm',
      lineLimit: 160,
    })
    writeFileSync(name, code)
  }
}

/** @param {string} file */
function follow(file) {
  if (declared.has(file)) return
  declared.add(file)
  for (const [, path = ''] of readFileSync(file, 'utf8').matchAll(IMPORT)) {
    follow(join(dirname(file), path).replace(/\.(?:ts|js)$/, '.d.ts'))
  }
}
