import { parseArgs } from 'node:util'
import { Drill } from './drill.ts'
import { FAULTS } from './faults.ts'
import type { FaultReport } from './faults.ts'
import { FOOTNOTE, brokenPromises, missedTimes, table, verdict } from './report.ts'
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
      screen.note(`${report.fault}: over, ${verdict(report)}`)
    }
  } finally {
    screen.close()
    await drill[Symbol.asyncDispose]()
  }

  console.log(`\n${table(reports)}\n\n${FOOTNOTE}\n`)
  const slow = reports.flatMap(missedTimes)
  const broken = reports.flatMap(brokenPromises)
  for (const miss of slow) console.log(`slow    ${miss}`)
  for (const miss of broken) console.log(`BROKEN  ${miss}`)
  const tookS = ((performance.now() - startMs) / 1_000).toFixed(0)
  const bounds =
    slow.length + broken.length === 0 ? 'All bounds were kept' : `${slow.length} slow, ${broken.length} broken`
  console.log(`${bounds}; ${tookS} s in all.`)
  process.exitCode = broken.length === 0 ? 0 : 1
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
