import { inspect } from 'node:util'
import type { World } from '../world.ts'

/** The password of every simulated DSN. */
export const CANARY = 'canary-7d1f-password'

/**
 * I14: no error, event or dump holds the password. One error of each kind is searched, its causes and stack included,
 * and at the end the manager itself, its DSN, its topology and its metrics.
 */
export function checkSecrets(world: World): void {
  const searched = new Set<string>()
  const search = (what: string, value: unknown): void => {
    if (inspect(value, { depth: 6, showHidden: true }).includes(CANARY))
      world.violated('I14', `${what} holds the password`)
  }
  world.announcer.on('rejected', (_call, error) => {
    const kind =
      error instanceof Error ? `${error.name} ${'reason' in error ? String(error.reason) : ''}` : 'a rejection'
    if (searched.has(kind)) return
    searched.add(kind)
    search(kind, error)
  })
  world.announcer.on('closed', () => {
    if (world.scenario.seed % 16 !== 0) return
    search('the manager', world.db)
    if (JSON.stringify([world.db.dsn, world.db.metrics(), world.topology], plain).includes(CANARY))
      world.violated('I14', 'JSON holds the password')
  })
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  return value instanceof Map ? [...value] : value
}
