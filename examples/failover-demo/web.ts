import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dashboard } from 'hasql/dashboard'
import type { Drill } from './drill.ts'
import { Buttons } from './buttons.ts'

/** Serves the live page about a drill, with buttons, on the loopback interface; resolves when it is asked to stop. */
export async function serveDrill(drill: Drill, port: number, stop: AbortSignal): Promise<void> {
  const buttons = new Buttons(drill)
  const page = dashboard(drill.db, { title: 'hasql failover demo', actions: buttons })
  const server = createServer(page)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const { port: bound } = server.address() as AddressInfo
  console.log(`\n  Open http://127.0.0.1:${bound}/ and break the cluster. Ctrl-C ends it.\n`)
  await new Promise<void>((resolve) => {
    if (stop.aborted) resolve()
    else stop.addEventListener('abort', () => resolve(), { once: true })
  })
  page.close()
  buttons.close()
  server.close()
  server.closeAllConnections()
}
