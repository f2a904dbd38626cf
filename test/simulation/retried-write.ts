import type { FakeClient } from '../support/fake/fake-connection.ts'
import { saysNotExecuted } from './holder.ts'
import type { World } from './world.ts'

/**
 * A write through `withMaster` with `retry`: the same write each time it is run, so that one which is run again although
 * it took effect is found in the journals twice (I10). `claim` takes each lease over and checks it.
 */
export function writeWithRetry(
  world: World,
  writeId: number,
  timeoutMs: number,
  claim: (client: FakeClient) => void,
): Promise<void> {
  const { announcer, db } = world
  let runs = 0
  const run = async (client: FakeClient): Promise<void> => {
    runs += 1
    claim(client)
    announcer.tell('writing', writeId, client.hostId)
    await client.query(`write ${writeId}`)
    announcer.tell('written', writeId, 'written')
  }
  world.note(() => `write ${writeId}, with retry`)
  return db.withMaster(run, { retry: true, timeoutMs }).then(
    () => {
      world.writes.again += runs - 1
    },
    (error: unknown) => {
      if (runs > 0 && saysNotExecuted(error)) announcer.tell('written', writeId, 'not-executed')
      world.note(() => `write ${writeId} failed after ${runs} runs: ${String(error)}`)
    },
  )
}
