import { createServer, request } from 'node:http'
import type { IncomingHttpHeaders, RequestListener, Server } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { afterEach, expect, test } from 'vitest'
import { OptionsError } from '../../../src/errors.ts'
import { dashboard } from '../../../src/dashboard/index.ts'
import type { Dashboard, DashboardActions } from '../../../src/dashboard/index.ts'
import { eventually } from '../../support/eventually.ts'
import { coded } from '../../support/scripted/coded.ts'
import { startedRig } from '../../support/scripted/rig.ts'
import type { ScriptedManager } from '../../support/scripted/rig.ts'
import { untyped } from '../../support/untyped.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function manager(): Promise<ScriptedManager> {
  const { db } = await startedRig({ db1: 'master', db2: 'replica' })
  closers.push(() => db.terminate())
  return db
}

async function listen(handler: RequestListener): Promise<number> {
  return bind(createServer(handler))
}

async function bind(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  return (server.address() as AddressInfo).port
}

interface Reply {
  readonly status: number | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

function ask(port: number, path: string, method = 'GET', headers: Record<string, string> = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (part: string) => (body += part))
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }))
    })
    asked.on('error', reject).end()
  })
}

/** The first server-sent event; the connection is given up after it. */
async function firstEvent(url: string): Promise<{ type: string | null; event: unknown }> {
  const abort = new AbortController()
  const response = await fetch(url, { signal: abort.signal })
  let text = ''
  for await (const part of response.body ?? []) {
    text += Buffer.from(part).toString()
    if (text.includes('\n\n')) break
  }
  abort.abort()
  const [event = ''] = text.split('\n\n')
  return { type: response.headers.get('content-type'), event: JSON.parse(event.replace(/^data: /, '')) as unknown }
}

const MOUNTS: readonly (readonly [string, (page: Dashboard) => Promise<string>])[] = [
  ['node:http', async (page) => `http://127.0.0.1:${await listen(page)}`],
  ['node:http below a path', async (page) => `http://127.0.0.1:${await listen(page)}/deep/down`],
  [
    'Express',
    async (page) => {
      const app = express()
      app.use('/ops/hasql', page)
      return `http://127.0.0.1:${await listen(app)}/ops/hasql`
    },
  ],
  [
    'Fastify',
    async (page) => {
      const app = fastify({ forceCloseConnections: true })
      app.all('/ops/hasql/*', (incoming, reply) => {
        reply.hijack()
        page(incoming.raw, reply.raw)
      })
      closers.push(() => app.close(), page.close)
      return `${await app.listen({ host: '127.0.0.1', port: 0 })}/ops/hasql`
    },
  ],
  [
    'Hono',
    async (page) => {
      const app = new Hono()
      app.all('/ops/hasql/*', (context) => page.fetch(context.req.raw))
      return new Promise((resolve) => {
        const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) =>
          resolve(`http://127.0.0.1:${port}/ops/hasql`),
        ) as Server
        closers.push(() => {
          server.closeAllConnections()
          server.close()
        })
      })
    },
  ],
]

test.each(MOUNTS)('mounted in %s it serves the page, its events and a snapshot', async (_server, mount) => {
  const page = dashboard(await manager(), { title: 'shop' })
  const base = await mount(page)
  const html = await fetch(`${base}/`)
  expect(html.headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(html.headers.get('content-security-policy')).toContain("default-src 'none'")
  expect(await html.text()).toMatch(/^<!doctype html>/)
  const { type, event } = await firstEvent(`${base}/events`)
  expect(type).toBe('text/event-stream')
  expect(event).toMatchObject({ state: { title: 'shop', headline: 'Healthy' }, history: { samples: [] } })
  const snapshot = await fetch(`${base}/snapshot.json`)
  expect(snapshot.headers.get('content-type')).toBe('application/json')
  expect(await snapshot.json()).toMatchObject({ hosts: [{ host: 'db1:5432', state: 'master' }, { state: 'replica' }] })
})

test('every answer is guarded', async () => {
  const port = await listen(dashboard(await manager()))
  for (const path of ['/', '/snapshot.json', '/favicon.ico', '/action']) {
    const { headers } = await ask(port, path, 'HEAD')
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    })
    expect(headers['content-security-policy']).toMatch(/script-src 'sha256-[^']+'; style-src 'sha256-[^']+'/)
    expect(headers['access-control-allow-origin']).toBe(undefined)
  }
})

test('it is read-only, and knows what it has not', async () => {
  const port = await listen(dashboard(await manager()))
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    expect(await ask(port, '/action?action=kill&host=db1:5432', method)).toMatchObject({ status: 405 })
  }
  expect(await ask(port, '/favicon.ico')).toMatchObject({ status: 404 })
  expect(await ask(port, '//')).toMatchObject({ status: 200 })
  expect(await ask(port, '/', 'HEAD')).toMatchObject({ status: 200, body: '' })
  expect(await ask(port, '/events', 'HEAD')).toMatchObject({ status: 200, body: '' })
  expect(await ask(port, 'http://[')).toMatchObject({ status: 400, body: 'This is no URL.' })
})

test('who is one too many to look is told to come again', async () => {
  const page = dashboard(await manager())
  const port = await listen(page)
  const events = (): Promise<Response> => page.fetch(new Request('http://any/events'))
  const all = await Promise.all(Array.from({ length: 100 }, events))
  expect(await ask(port, '/events')).toMatchObject({ status: 503, headers: { 'retry-after': '10' } })
  await all[0]?.body?.cancel()
  expect((await ask(port, '/events', 'HEAD')).status).toBe(200)
  page.close()
})

test('a client of the Web’s kind that reads late gets the whole, not what it missed', async () => {
  // More than may wait for a client.
  const db = await manager()
  const page = dashboard(db, { title: 'x'.repeat(100_000) })
  const { body } = await page.fetch(new Request('http://any/events'))
  if (body === null) throw new Error('there are no events')
  await new Promise((resolve) => setTimeout(resolve, 50))
  const reader = body.getReader()
  const events: string[] = []
  for (let count = 0; count < 2; count += 1) {
    const { value } = (await reader.read()) as { value: Uint8Array }
    events.push(new TextDecoder().decode(value))
  }
  for (const event of events) expect(event).toContain('"history":')
  await reader.cancel()
  const abort = new AbortController()
  const left = await page.fetch(new Request('http://any/events', { signal: abort.signal }))
  abort.abort()
  page.close()
  expect(left.status).toBe(200)
})

test('a master in doubt is out until it answers, a replica is the last choice', async () => {
  const { db, clock, host } = await startedRig({ db1: 'master', db2: 'replica' })
  const port = await listen(dashboard(db))
  for (const name of ['db1', 'db2']) for (const probe of host(name).probes) probe.die(coded('57P01'))
  const { body } = await ask(port, '/snapshot.json')
  const { headline, hosts } = JSON.parse(body) as { headline: string; hosts: { why: string }[] }
  expect(headline).toBe('No master')
  expect(hosts.map(({ why }) => why)).toEqual([
    expect.stringMatching(/^Out until it answers: is the master, but is being checked again \(failed with 57P01\)/),
    expect.stringMatching(/^In, as the last choice: is a replica, but is being checked again/),
  ])
  await clock.settle()
  await db.terminate()
})

test('a master whose checks are answered is in, though its pool cannot reach it', async () => {
  const { db, clock, host } = await startedRig({ db1: 'master', db2: 'replica' }, { probe: { database: 'postgres' } })
  const port = await listen(dashboard(db))
  const why = async (): Promise<string> => {
    const { body } = await ask(port, '/snapshot.json')
    return (JSON.parse(body) as { hosts: { why: string }[] }).hosts[0]?.why ?? ''
  }
  expect(await why()).toBe('In: it takes the writes')
  host('db1').suffer({ code: 'ECONNREFUSED' })
  const waiting = expect(db.acquireMaster({ timeoutMs: 5_000 })).rejects.toThrow()
  await clock.settle()
  expect(await why()).toMatch(/^In: it is the master, but /)
  await db.terminate()
  await waiting
})

test('the stream ends when the dashboard or the manager goes, and tells the browser not to come again', async () => {
  const db = await manager()
  const page = dashboard(db)
  const port = await listen(page)
  const open = fetch(`http://127.0.0.1:${port}/events`).then((response) => response.text())
  await eventually('somebody looks', async () => (await ask(port, '/snapshot.json')).status === 200)
  await new Promise((resolve) => setTimeout(resolve, 50))
  await db.close()
  expect(await open).toContain('The manager is closed')
  expect(await ask(port, '/events')).toMatchObject({ status: 204, body: '' })
  const web = await page.fetch(new Request('http://any/events'))
  expect([web.status, web.body]).toEqual([204, null])
})

test('the stream of the Web’s kind ends with the dashboard, and when its client goes', async () => {
  const page = dashboard(await manager())
  const ended = await page.fetch(new Request('http://any/ops/events'))
  const read = ended.text()
  const left = await page.fetch(new Request('http://any/ops/events'))
  await left.body?.cancel()
  page.close()
  expect(await read).toMatch(/^data: \{/)
  expect((await page.fetch(new Request('http://any/events'))).status).toBe(204)
})

test('a client that reads nothing makes nothing pile up, and gets the whole when it reads again', async () => {
  // More than the buffers of the system take.
  const page = dashboard(await manager(), { title: 'x'.repeat(12_000_000) })
  let waiting = (): number => NaN
  const port = await listen((asked, response) => {
    waiting = () => response.writableLength
    page(asked, response)
  })
  const socket = connect(port, '127.0.0.1')
  closers.push(() => socket.destroy())
  socket.write('GET /events HTTP/1.1\r\nhost: a\r\n\r\n')
  await new Promise((resolve) => setTimeout(resolve, 3_300))
  expect(waiting()).toBeGreaterThan(0)
  expect(waiting()).toBeLessThan(24_000_000)
  let greetings = 0
  socket.setEncoding('latin1').on('data', (part: string) => (greetings += part.split('"history":').length - 1))
  await eventually('it is greeted once more', () => greetings >= 2)
}, 20_000)

const nothing = (): Promise<void> => Promise.resolve()
const OWN = (port: number): Record<string, string> => ({
  origin: `http://127.0.0.1:${port}`,
  'x-hasql-action': '1',
  'sec-fetch-site': 'same-origin',
})

test('actions are run for the page itself alone, and only those that are offered', async () => {
  const ran: string[] = []
  const actions: DashboardActions = {
    of: (host) => (host === 'db1:5432' ? ['kill', 'break'] : []),
    run: async (action, host) => {
      ran.push(`${action} ${host}`)
      if (action === 'break') throw new Error('postgresql://app:secret@db1/app is not to be broken')
    },
  }
  const page = dashboard(await manager(), { actions })
  const port = await listen(page)
  const path = '/action?action=kill&host=db1:5432'
  expect((await ask(port, path, 'POST', OWN(port))).status).toBe(200)
  const wrong: readonly Record<string, string>[] = [
    {},
    { ...OWN(port), origin: 'http://evil.example' },
    { ...OWN(port), origin: 'null' },
    { ...OWN(port), 'sec-fetch-site': 'cross-site' },
    { ...OWN(port), host: 'evil.example', origin: 'http://evil.example' },
    { origin: `http://127.0.0.1:${port}` },
    { 'x-hasql-action': '1' },
  ]
  for (const headers of wrong) expect(await ask(port, path, 'POST', headers)).toMatchObject({ status: 403 })
  expect(await ask(port, path, 'GET', OWN(port))).toMatchObject({ status: 405 })
  expect(await ask(port, '/action?action=drop&host=db1:5432', 'POST', OWN(port))).toMatchObject({ status: 409 })
  expect(await ask(port, '/action?action=kill&host=db2:5432', 'POST', OWN(port))).toMatchObject({ status: 409 })
  expect(ran).toEqual(['kill db1:5432'])
  const broken = await ask(port, '/action?action=break&host=db1:5432', 'POST', OWN(port))
  expect(broken).toMatchObject({ status: 409, body: 'postgresql://app:***@db1/app is not to be broken' })
  const web = await page.fetch(new Request(`http://127.0.0.1${path}`, { method: 'POST', headers: OWN(port) }))
  expect(web.status).toBe(405)
})

test('when what it was given throws, the page says so and the application goes on', async () => {
  const actions: DashboardActions = {
    of: () => {
      throw new Error('no idea, password=secret')
    },
    run: nothing,
  }
  const port = await listen(dashboard(await manager(), { actions }))
  const { body } = await ask(port, '/snapshot.json')
  expect(JSON.parse(body)).toMatchObject({ headline: 'Healthy', note: 'no idea, password=***' })
  const pressed = await ask(port, '/action?action=kill&host=db1:5432', 'POST', OWN(port))
  expect(pressed).toMatchObject({ status: 500, body: 'no idea, password=***' })
  expect(await ask(port, '/')).toMatchObject({ status: 200 })
})

test('options that make no sense are named', async () => {
  const db = await manager()
  expect(() => dashboard(db, untyped({ titel: 'x' }))).toThrow("dashboard has no option 'titel'. Did you mean title?")
  expect(() => dashboard(db, untyped({ title: 7 }))).toThrow(OptionsError)
  expect(() => dashboard(db, untyped({ actions: {} }))).toThrow('actions must be an object with the functions')
})
