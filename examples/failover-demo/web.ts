import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dashboard } from 'hasql/dashboard'
import type { Drill } from './drill.ts'
import { Buttons } from './buttons.ts'

/** The live page about a drill, with buttons. */
export interface DrillPage extends AsyncDisposable {
  readonly url: string
}

/** Serves the page on the loopback interface until it is disposed of. */
export async function serveDrill(drill: Drill, port: number): Promise<DrillPage> {
  const buttons = new Buttons(drill)
  const page = dashboard(drill.db, { title: 'hasql failover demo', actions: buttons })
  const server = createServer(page)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const { port: bound } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${bound}/`,
    [Symbol.asyncDispose]: async () => {
      page.close()
      buttons.close()
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}
