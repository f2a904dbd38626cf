import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { dashboard } from 'hasql/dashboard'
import { PoolManager } from 'hasql/pg'
import { PgCluster } from 'hasql/testing'
import { rejection } from '../../support/eventually.ts'

const CANARY = 'canary-4f:1@b/z'
const FORMS = [CANARY, encodeURIComponent(CANARY), Buffer.from(CANARY).toString('base64'), 'canary-wrong']

/** All that the page could ever get: itself, its snapshot, its events for a while, its answers to what it may not do. */
async function everything(url: string): Promise<string> {
  const parts = await Promise.all(
    ['', 'snapshot.json', 'favicon.ico', 'action?action=Kill&host=db1'].map(async (path) => {
      const response = await fetch(`${url}${path}`)
      return JSON.stringify([...response.headers]) + (await response.text())
    }),
  )
  const abort = AbortSignal.timeout(3_000)
  let events = ''
  try {
    for await (const part of (await fetch(`${url}events`, { signal: abort })).body ?? []) {
      events += Buffer.from(part).toString()
    }
  } catch {
    // The time is over.
  }
  expect(events).toMatch(/^data: \{"nowMs":/)
  return parts.join('') + events
}

test('no password reaches the page: right or wrong, in an outage, in any answer', async () => {
  await using cluster = await PgCluster.start({ replicas: 1, password: CANARY })
  const right = new PoolManager(cluster.dsn)
  const wrong = new PoolManager(cluster.dsn.replace('canary', 'canary-wrong'), { acquireTimeoutMs: 500 })
  const texts: string[] = []
  for (const db of [right, wrong]) {
    const page = dashboard(db)
    const server = createServer(page)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    if (db === wrong) await rejection(db.acquireMaster())
    else await db.ready()
    const looked = everything(url)
    if (db === right) {
      const master = await cluster.master()
      await master.kill()
      await cluster.failover()
    }
    texts.push(await looked)
    page.close()
    await db.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  const [seen = '', refused = ''] = texts
  expect(seen).toContain('no master is known any more')
  expect(refused).toContain('refuses the connection')
  for (const text of texts) for (const form of FORMS) expect(text).not.toContain(form)
}, 60_000)
