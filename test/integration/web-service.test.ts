import { spawn } from 'node:child_process'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PoolManager } from 'hasql/pg'
import { PgCluster } from 'hasql/testing'
import { makeService } from '../../examples/web-service/service.ts'
import { eventually } from '../support/eventually.ts'
import { readPage } from '../support/prometheus-text.ts'

let cluster: PgCluster
beforeAll(async () => {
  cluster = await PgCluster.start({ replicas: 1 })
})
afterAll(async () => {
  await cluster.close()
})

interface Program {
  readonly url: string
  readonly end: (signal: NodeJS.Signals) => Promise<number | null>
}

async function startProgram(): Promise<Program> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/web-service/main.ts'], {
    env: { ...process.env, DSN: cluster.dsn, PORT: '0' },
  })
  let said = ''
  child.stdout.on('data', (part) => (said += String(part)))
  child.stderr.on('data', (part) => (said += String(part)))
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve))
  await eventually('it listens', () => said.includes('listening on'), 30_000)
  const end = (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal)
    return ended
  }
  return { url: /http\S+/.exec(said)?.[0] ?? said, end }
}

const json = async (url: string): Promise<unknown> => (await fetch(url)).json()

test('the service answers from the master and from a replica, through a failover, and ends on SIGTERM', async () => {
  const { url, end } = await startProgram()
  await eventually('it is ready', async () => (await fetch(`${url}/health/ready`)).ok)
  const master = await cluster.master()
  const [heir] = await cluster.replicas()
  expect(await json(`${url}/master`)).toEqual({ port: master.port, inRecovery: false })
  await eventually('the replica is found', async () => {
    const { replicas } = (await json(`${url}/health/ready`)) as { replicas: number }
    return replicas === 1
  })
  expect(await json(`${url}/replica`)).toEqual({ port: heir?.port, inRecovery: true })
  expect(await json(`${url}/health/live`)).toEqual({ live: true })
  expect(await json(`${url}/metrics.json`)).toMatchObject({ hasql: { masters: 1, replicas: 1 } })
  const scrape = await fetch(`${url}/metrics`)
  expect(scrape.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
  const families = readPage(await scrape.text())
  expect(families.find(({ name }) => name === 'hasql_masters')?.samples).toEqual([{ labels: {}, value: 1 }])
  expect(families.find(({ name }) => name === 'hasql_acquires_total')?.samples).toHaveLength(2)
  expect(await (await fetch(`${url}/hasql/`)).text()).toMatch(/^<!doctype html>/)
  expect(await json(`${url}/hasql/snapshot.json`)).toMatchObject({ headline: 'Healthy' })
  await master.kill()
  const refused = await fetch(`${url}/master`)
  expect(refused.status).toBe(503)
  expect(refused.headers.get('retry-after')).toBe('1')
  expect((await fetch(`${url}/replica`)).status).toBe(200)
  await cluster.failover()
  expect(await json(`${url}/master`)).toEqual({ port: heir?.port, inRecovery: false })
  expect(await end('SIGTERM')).toBe(0)
  if (heir !== undefined) await master.rejoin(heir)
})

test('stopping it ends readiness first, then finishes the requests, then closes the manager', async () => {
  const db = new PoolManager(cluster.dsn)
  const { app, stop } = makeService(db, 300)
  app.get('/slow', () => db.withMaster(async (connection) => (await connection.query('select pg_sleep(1)')).rowCount))
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  await db.ready({ mastersCount: 1, replicasCount: 0 })
  expect((await fetch(`${url}/health/ready`)).status).toBe(200)
  const watching = fetch(`${url}/hasql/events`).then((response) => response.text())
  const slow = fetch(`${url}/slow`)
  await eventually('the slow request runs', () => db.metrics().drivers.some(({ used }) => used === 1))
  const stopped = stop()
  expect(stop()).toBe(stopped)
  expect((await fetch(`${url}/health/ready`)).status).toBe(503)
  expect((await fetch(`${url}/health/live`)).status).toBe(200)
  expect((await fetch(`${url}/master`)).status).toBe(200)
  const answered = await slow
  expect([answered.status, await answered.text()]).toEqual([200, '1'])
  expect(await watching).toContain('data: ')
  await stopped
  expect(db.closed).toBe(true)
  await expect(fetch(`${url}/health/live`)).rejects.toThrow()
})

test('an operator with the secret ends a fence by hand, and nobody else does', async () => {
  const db = new PoolManager(cluster.dsn)
  const { app, stop } = makeService(db, 0, 'open sesame')
  await app.ready()
  await db.ready({ mastersCount: 1, replicasCount: 0 })
  const { port } = await cluster.master()
  const replica = (await cluster.replicas())[0]?.port ?? 0
  const accept = async (host: string, authorization?: string): Promise<number> => {
    const url = `/admin/accept-master/${host}`
    const headers = authorization === undefined ? {} : { authorization }
    return (await app.inject({ method: 'POST', url, headers })).statusCode
  }
  expect(await accept(`127.0.0.1:${port}`)).toBe(403)
  expect(await accept(`127.0.0.1:${port}`, 'Bearer open barley')).toBe(403)
  expect(await accept(`127.0.0.1:${port}`, 'Bearer open sesame')).toBe(200)
  expect(await accept(`127.0.0.1:${replica}`, 'Bearer open sesame')).toBe(409)
  expect(await accept('db9:5432', 'Bearer open sesame')).toBe(404)
  await stop()
})
