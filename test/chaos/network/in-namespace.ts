import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Measure, Outcome, RunContext } from '../frame/scenario.ts'

const INSIDE = 'HASQL_CHAOS_NAMESPACE'
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/** Whether this process runs in a network namespace made for it. */
export function isInside(): boolean {
  return process.env[INSIDE] === '1'
}

/** Whether network namespaces and virtual network cards can be made here: as root, on Linux, with the tools for it. */
export function canUseNamespaces(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false
  try {
    const script = 'ip link set lo up && ip link add near0 type veth peer name far0 && nsenter --version'
    execFileSync('unshare', ['-n', 'sh', '-c', script], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Runs one scenario in a process of its own, inside a new network namespace; both are gone when it ends. */
export async function inNamespace(row: string, { quick, seed }: RunContext): Promise<Outcome> {
  const loader = fileURLToPath(new URL('node_modules/tsx/dist/esm/index.mjs', `file://${ROOT}`))
  const script = 'ip link set lo up && exec "$@"'
  const words = ['test/chaos/run.ts', '--json', '--only', row, '--seed', String(seed), ...(quick ? ['--quick'] : [])]
  const child = spawn('unshare', ['-n', 'sh', '-c', script, 'sh', process.execPath, '--import', loader, ...words], {
    cwd: ROOT,
    env: { ...process.env, [INSIDE]: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  await once(child, 'close')
  try {
    const [outcome] = JSON.parse(output) as Outcome[]
    if (outcome !== undefined) return { ...outcome, measures: outcome.measures.map(revived) }
  } catch {
    // What it said instead is the message.
  }
  throw new Error(`The process in the namespace ended without a result:\n${errors}\n${output}`)
}

/** JSON has no infinity, and writes null. */
function revived(measure: Measure): Measure {
  return Number.isFinite(measure.value)
    ? measure
    : { ...measure, value: measure.sense === 'most' ? Infinity : -Infinity }
}
