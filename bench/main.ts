import { parseArgs } from 'node:util'
import { run as core } from './core.ts'
import { run as metrics } from './metrics.ts'
import { run as parser } from './parser.ts'
import { run as policies } from './policies.ts'
import { run as pools } from './pools.ts'
import { run as postgres } from './postgres.ts'

interface Choice {
  /** Only with these numbers of hosts, where a section has several. */
  readonly hosts?: readonly number[]
}

const SECTIONS: Readonly<Record<string, (choice: Choice) => void | Promise<void>>> = {
  parser,
  policies,
  core,
  metrics,
  pools,
  postgres,
}

const { positionals, values } = parseArgs({ allowPositionals: true, options: { hosts: { type: 'string' } } })
const choice: Choice = values.hosts === undefined ? {} : { hosts: values.hosts.split(',').map(hostCount) }
for (const name of positionals) {
  if (!(name in SECTIONS)) throw new RangeError(`no section ${name}; there are ${Object.keys(SECTIONS).join(', ')}`)
}
for (const [name, run] of Object.entries(SECTIONS)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue
  console.log(`\n== ${name} ==`)
  await run(choice)
}

function hostCount(text: string): number {
  const count = Number(text)
  if (!Number.isInteger(count) || count < 1)
    throw new RangeError(`--hosts takes numbers of hosts from 1 on, not ${text}`)
  return count
}
