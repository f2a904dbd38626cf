// Loads every entry point whose package is there, by `import` and by `require`, and sees that both give the same.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const { exports: entries } = JSON.parse(readFileSync('node_modules/hasql/package.json', 'utf8'))
const core = await import('hasql')
let loaded = 0
for (const entry of Object.keys(entries)) {
  const name = entry.replace(/^\./, 'hasql')
  if (name.endsWith('.json')) continue
  const module = await import(name).catch((error) => {
    if (!/find (?:package|module)/i.test(error.message) || error.message.includes("'hasql")) throw error
    console.log(`${name}: ${error.message}`)
  })
  if (module === undefined) continue
  loaded += 1
  for (const [key, value] of Object.entries(require(name))) {
    if (value !== module[key]) throw new Error(`${name}: ${key} is not the same by require`)
    if (key in core && value !== core[key]) throw new Error(`${name}: ${key} is not the core's`)
  }
}
if (loaded < 9) throw new Error(`only ${loaded} entry points were loaded`)
