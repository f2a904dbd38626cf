/** One rival's process: writers and readers that remember what became of each operation, and tell it. */
import { READERS, WRITERS, sharedNowMs } from './rival.ts'
import type { Done, Target, Told } from './rival.ts'
import { RIVALS } from './rivals.ts'

const PAUSE_MS = 20
const TELL_MS = 20
/** An operation that has had no answer for so long hangs. */
const HANGING_MS = 1_000

const [name = '', target = '{}'] = process.argv.slice(2)
const rival = RIVALS[name]?.(JSON.parse(target) as Target)
if (rival === undefined) throw new RangeError(`there is no rival ${name}`)

let isRunning = true
const underWay = new Set<number>()
let nextId = 1
let done: Done[] = []
const tell = (told: Told): void => void process.send?.(told)

async function operate(kind: Done['kind'], loop: number, act: () => Promise<number>): Promise<void> {
  const startedAtMs = sharedNowMs()
  underWay.add(startedAtMs)
  const server = await act().catch(() => undefined)
  underWay.delete(startedAtMs)
  done.push({ kind, loop, startedAtMs, endedAtMs: sharedNowMs(), server })
}

async function repeat(kind: Done['kind'], loop: number, act: () => Promise<number>): Promise<void> {
  while (isRunning) {
    await operate(kind, loop, act)
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
}

setInterval(() => {
  if (done.length > 0) tell({ kind: 'done', done })
  done = []
}, TELL_MS)
process.on('message', () => {
  isRunning = false
  tell({ kind: 'done', done })
  const hanging = [...underWay].filter((startedAtMs) => sharedNowMs() - startedAtMs > HANGING_MS).length
  tell({ kind: 'stopped', hanging })
})
for (let loop = 1; loop <= WRITERS; loop += 1) void repeat('write', loop, () => rival.write(nextId++))
for (let loop = 1; loop <= READERS; loop += 1) void repeat('read', loop, () => rival.read())
tell({ kind: 'ready' })
