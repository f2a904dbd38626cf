import type { Lookup } from '../network/lookup.ts'
import { ms } from '../time/milliseconds.ts'
import type { Run } from './commands.ts'
import { narrowTable, wideTable } from './host-table.ts'
import { widthOf } from './io.ts'
import type { Io } from './io.ts'
import { lookAllUp } from './look-all-up.ts'
import { limitOf, openManager } from './open-manager.ts'
import type { Watching } from './open-manager.ts'
import { reportOn } from './report.ts'
import type { StatusReport } from './report.ts'
import { styleFor } from './style.ts'
import { namesOf, readTarget } from './target.ts'
import type { Problem } from './verdict.ts'

/** Of the connect timeout this much may pass before what is known is printed. */
const SHARE_OF_ASKING = 0.95

/** Of it the resolver may take this much, so that the hosts whose names it knows have time to answer. */
const SHARE_OF_RESOLVER = 0.5

/** `hasql status`: every host, once. */
export const status: Run = async (given, io) => {
  const startedMs = io.clock.nowMs()
  const target = await readTarget(given, io)
  const askedMs = given.switches.has('password') ? io.clock.nowMs() : startedMs
  const names = namesOf(target)
  const limitMs = target.connectTimeoutMs * SHARE_OF_RESOLVER
  const atOnce = (lookup: Lookup): Lookup => lookAllUp(lookup, names, limitMs, io.clock)
  const watching = await openManager(target, limitOf(target), io, atOnce)
  const { manager, facts } = watching
  try {
    await seenOnce(watching, target.connectTimeoutMs * SHARE_OF_ASKING - (io.clock.nowMs() - askedMs), io)
    const report = reportOn(target.dsn, manager.topology, facts, io.clock.nowMs())
    io.out.write(given.switches.has('json') ? `${JSON.stringify(report, undefined, 2)}\n` : page(report, io))
    return report.exitCode
  } finally {
    await manager.terminate()
  }
}

/** Resolves when each host has answered or failed once, and after `limitMs` at the latest. */
async function seenOnce({ manager }: Watching, limitMs: number, { clock }: Io): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = clock.setTimer(ms(Math.max(0, limitMs)), done, 'process')
    const off = manager.on('topologyChange', look)
    function look(): void {
      // One that was lost at its first answer is doubted: it is asked again at once, and may answer.
      if ([...manager.topology.hosts.values()].every(({ kind }) => kind !== 'unknown')) done()
    }
    function done(): void {
      timer.cancel()
      off()
      resolve()
    }
    manager.start()
  })
}

function page(report: StatusReport, io: Io): string {
  const style = styleFor(io)
  const columns = widthOf(io.out)
  const wide = wideTable(report.hosts, (_format, text) => text)
  const fits = io.out.isTTY !== true || Math.max(...wide.map((line) => line.length)) <= columns
  const lines = fits ? wideTable(report.hosts, style) : narrowTable(report.hosts, style, columns, 'up')
  const problems = report.problems.map((problem) => style('red', wordProblem(problem)))
  return `${[...lines, ...(problems.length === 0 ? [] : ['', ...problems])].join('\n')}\n`
}

const WORDS: Readonly<Record<Problem, string>> = {
  'access-refused': 'No host lets us in: hasql check says at which step, and what to do.',
  'split-brain': 'Split brain: several hosts accept writes on one timeline. Stop all of them but one.',
  'no-master': 'No host takes writes.',
  'stale-master': 'A stale master accepts writes that will be lost: stop it, and let it rejoin as a replica.',
  'host-refuses': 'A host refuses us: hasql check says at which step, and what to do.',
  'no-replica': 'No host is a replica that takes reads.',
  'host-out': 'A host is out of use.',
}

function wordProblem(problem: Problem): string {
  return WORDS[problem]
}
