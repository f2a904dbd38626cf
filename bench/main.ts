import { parseArgs } from 'node:util'
import { run as core } from './core.ts'
import { run as metrics } from './metrics.ts'
import { run as parser } from './parser.ts'
import { run as policies } from './policies.ts'
import { run as pools } from './pools.ts'
import { run as postgres } from './postgres.ts'

const SECTIONS: Readonly<Record<string, () => void | Promise<void>>> = {
  parser,
  policies,
  core,
  metrics,
  pools,
  postgres,
}

const { positionals } = parseArgs({ allowPositionals: true })
for (const name of positionals) {
  if (!(name in SECTIONS)) throw new RangeError(`no section ${name}; there are ${Object.keys(SECTIONS).join(', ')}`)
}
for (const [name, run] of Object.entries(SECTIONS)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue
  console.log(`\n== ${name} ==`)
  await run()
}
