import type { Run } from './commands.ts'

/** Only the command that is called is loaded: help must be quick. */
const LOADERS: ReadonlyMap<string, () => Promise<Run>> = new Map([
  ['status', async () => (await import('./status.ts')).status],
  ['watch', async () => (await import('./watch.ts')).watch],
  ['check', async () => (await import('./check.ts')).check],
  ['wait', async () => (await import('./wait.ts')).wait],
  ['completion', async () => (await import('./completion.ts')).completion],
  ['help', async () => (await import('./help.ts')).help],
])

/** What runs a command of the table. */
export function loadCommand(name: string): Promise<Run> {
  const load = LOADERS.get(name)
  if (load === undefined) throw new RangeError(`nothing runs ${name}`)
  return load()
}
