import { atLeast, atMost } from '../frame/scenario.ts'
import type { Outcome, RunContext, Scenario } from '../frame/scenario.ts'
import { Stage, pause } from '../frame/stage.ts'
import { failures } from './master-gone.ts'

const BLOCK_MS = 2_000
const EVERY_MS = 5_000

/** R25: the process itself stands still, again and again; no host is to blame for it. */
export const loopBlocked: readonly Scenario[] = [{ row: 'R25', name: 'event loop blocked 2 s every 5 s', run }]

async function run({ quick, minutes }: RunContext): Promise<Outcome> {
  await using stage = await Stage.open()
  const blocks = minutes === undefined ? (quick ? 2 : 6) : Math.ceil((minutes * 60_000) / EVERY_MS)
  const [changes, downs] = [stage.watch.masterChanges.length, stage.watch.hostDowns.length]
  const startMs = performance.now()
  for (let block = 0; block < blocks; block++) {
    const endMs = performance.now() + BLOCK_MS
    while (performance.now() < endMs);
    await pause(EVERY_MS - BLOCK_MS)
  }
  const failed = failures(stage, startMs)
  const measures = [
    atLeast('blocks', blocks, quick ? 2 : 6),
    atMost('false failovers: changes of master', stage.watch.masterChanges.length - changes, 0),
    atMost('false failovers: hosts taken out', stage.watch.hostDowns.length - downs, 0),
    atMost('failed operations', failed.writes + failed.reads, 0),
  ]
  const { violations } = await stage.finish()
  return { measures, violations, notes: [`${blocks} blocks of ${BLOCK_MS / 1_000} s`] }
}
