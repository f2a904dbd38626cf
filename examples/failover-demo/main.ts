import { parseArgs } from 'node:util'
import { Drill } from './drill.ts'
import { FAULTS } from './faults.ts'
import type { FaultReport } from './faults.ts'
import { FOOTNOTE, missedBounds, table } from './report.ts'
import { Screen } from './screen.ts'
import { serveDrill } from './web.ts'

const { values } = parseArgs({ options: { web: { type: 'boolean' }, port: { type: 'string', default: '0' } } })
if (values.web === true) await playInBrowser(Number(values.port))
else await playAll()

/** Fault after fault, with a table at the end. */
async function playAll(): Promise<void> {
  const startMs = performance.now()
  const screen = new Screen(process.stdout)
  screen.note('Starting a real PostgreSQL cluster: one master, two replicas …')
  const drill = await Drill.start()
  screen.watch(drill)
  const reports: FaultReport[] = []
  try {
    await drill.settle()
    for (const fault of FAULTS) {
      screen.title(fault.name)
      const report = await fault(drill)
      reports.push(report)
      screen.note(
        `${report.fault}: over, ${missedBounds(report).length === 0 ? 'all bounds kept' : 'A BOUND WAS MISSED'}`,
      )
    }
  } finally {
    screen.close()
    await drill[Symbol.asyncDispose]()
  }

  console.log(`\n${table(reports)}\n\n${FOOTNOTE}\n`)
  const missed = reports.flatMap(missedBounds)
  for (const miss of missed) console.log(`MISSED  ${miss}`)
  const tookS = ((performance.now() - startMs) / 1_000).toFixed(0)
  console.log(
    `${missed.length === 0 ? 'All bounds were kept' : `${missed.length} bound(s) missed`}; ${tookS} s in all.`,
  )
  process.exitCode = missed.length === 0 ? 0 : 1
}

/** The cluster on a page with buttons, until Ctrl-C. */
async function playInBrowser(port: number): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve())
  })
  console.log('Starting a real PostgreSQL cluster: one master, two replicas …')
  await using drill = await Drill.start({ pauseMs: 20 })
  await using page = await serveDrill(drill, port)
  console.log(`\n  Open ${page.url} and break the cluster. Ctrl-C ends it.\n`)
  await stopped
  console.log('Taking the cluster down …')
}
