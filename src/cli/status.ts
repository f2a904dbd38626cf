import type { HostSpec } from '../dsn/host-spec.ts'
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
import { ServerLooks } from './server-looks.ts'
import { settledReasons } from './settle.ts'
import { styleFor } from './style.ts'
import { namesOf, readTarget } from './target.ts'
import { verdictOf } from './verdict.ts'
import type { Reason } from './verdict.ts'

/** Of the connect timeout this much may pass before what is known is printed. */
const SHARE_OF_ASKING = 0.95

/** Of it the resolver may take this much, so that the hosts whose names it knows have time to answer. */
const SHARE_OF_RESOLVER = 0.5

/** The hosts are asked this often while something is in doubt. */
const REFRESH_MS = 500

/** `hasql status`: every host, once; again only while something may be wrong for a moment. */
export const status: Run = async (given, io) => {
  const startedMs = io.clock.nowMs()
  const target = await readTarget(given, io)
  const askedMs = given.switches.has('password') ? io.clock.nowMs() : startedMs
  const names = namesOf(target)
  const limitMs = target.connectTimeoutMs * SHARE_OF_RESOLVER
  const atOnce = (lookup: Lookup): Lookup => lookAllUp(lookup, names, limitMs, io.clock)
  const looks = new ServerLooks()
  const watching = await openManager(target, REFRESH_MS, io, atOnce, (driver) => looks.watching(driver))
  const { manager, facts, driver, lookup } = watching
  try {
    const leftMs = target.connectTimeoutMs * SHARE_OF_ASKING - (io.clock.nowMs() - askedMs)
    const behind = (specs: readonly HostSpec[]): Promise<void> =>
      looks.lookBehind(specs, { clock: io.clock, driver, lookup, limitMs: Math.min(leftMs, limitOf(target)) })
    await Promise.all([seenOnce(watching, leftMs, io), behind(target.dsn.hosts)])
    const judge = (): readonly Reason[] => verdictOf(manager.topology, looks)
    const reasons = await settledReasons(judge, io.clock, (doubts) => {
      const mixed = doubts.filter(({ problem }) => problem === 'mixed-endpoint').map(({ host }) => host)
      return behind(target.dsn.hosts.filter(({ hostId }) => mixed.includes(hostId)))
    })
    const report = reportOn(target.dsn, manager.topology, facts, reasons, io.clock.nowMs())
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
  const problems = report.reasons.map(({ text }) => style('red', text))
  return `${[...lines, ...(problems.length === 0 ? [] : ['', ...problems])].join('\n')}\n`
}
