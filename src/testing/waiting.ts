import { setTimeout as pause } from 'node:timers/promises'
import { PgClusterError } from './pg-cluster-error.ts'

export { pause }

/** Asks again and again until the answer is something; says what it waited for when the time is up. */
export async function until<T>(
  what: string,
  timeoutMs: number,
  ask: () => T | undefined | Promise<T | undefined>,
  everyMs = 10,
): Promise<T> {
  const end = performance.now() + timeoutMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (performance.now() >= end) {
      throw new PgClusterError('ERR_HASQL_TESTING_TIMEOUT', `Waited ${timeoutMs} ms in vain until ${what}`)
    }
    await pause(everyMs)
  }
}
