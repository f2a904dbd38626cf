import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { afterEach, expect, test } from 'vitest'
import { NamedSocket } from '../../../src/drivers/pg/named-socket.ts'
import { requestCancel } from '../../../src/integrations/pg/cancel.ts'
import type { CancelledClient } from '../../../src/integrations/pg/cancel.ts'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import { rejection } from '../../support/eventually.ts'

forbidEscapedErrors()

const host = '127.0.0.1'
const SECRETS = { processID: 7, secretKey: -9 }
/** Int32 16, Int32 80877102, Int32 process, Int32 secret key. */
const REQUEST = Buffer.from('0000001004d2162e00000007fffffff7', 'hex')

let servers: Server[] = []
afterEach(() => {
  for (const server of servers) server.close()
  servers = []
})

/** A server that hands over its sockets. */
async function listen(at: { port: number } | { path: string }, onSocket: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    onSocket(socket)
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(at, resolve))
  return typeof server.address() === 'string' ? 0 : (server.address() as AddressInfo).port
}

const clientOf = (name: string, port: number, stream: object = {}, secrets: object = SECRETS): CancelledClient =>
  Object.assign({ host: name, port, connection: { stream } }, secrets)

test('the request goes to the host of the client; whoever asks is told when the server has passed it on', async () => {
  const heard: Buffer[] = []
  const order: string[] = []
  const port = await listen({ port: 0 }, (socket) => {
    socket.on('data', (bytes) => {
      heard.push(bytes)
      setTimeout(() => {
        order.push('passed on')
        socket.end()
      }, 20)
    })
  })
  await requestCancel(clientOf(host, port), [{ options: { host, port: 1 } }, { options: { host, port } }], 2_000)
  order.push('told')
  expect(Buffer.concat(heard)).toEqual(REQUEST)
  expect(order).toEqual(['passed on', 'told'])
})

test('of several addresses of a name it is the one that the client is connected to', async () => {
  let heard = 0
  const port = await listen({ port: 0 }, (socket) => {
    heard += 1
    socket.resume().end()
  })
  const stream = (): NamedSocket =>
    new NamedSocket(() => {
      throw new Error('The name was looked up again')
    })
  const client = clientOf('db.example', port, { remoteAddress: host })
  await requestCancel(client, [{ options: { host: 'db.example', port, stream } }], 2_000)
  expect(heard).toBe(1)
})

test('a socket in a folder is found there', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'cancel-'))
  try {
    let heard = 0
    await listen({ path: join(folder, '.s.PGSQL.5432') }, (socket) => {
      heard += 1
      socket.resume().end()
    })
    await requestCancel(clientOf(folder, 5432), [{ options: { host: folder, port: 5432 } }], 2_000)
    expect(heard).toBe(1)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('nothing is asked of a host that is not the manager’s', async () => {
  const error = await rejection(requestCancel(clientOf('db9', 5432), [{ options: { host: 'db1', port: 5432 } }], 2_000))
  expect(error).toMatchObject({
    code: 'ERR_HASQL_UNKNOWN_CONNECTION',
    message: expect.stringContaining('db9') as string,
  })
})

test('a secret is not sent in the clear where TLS is wanted and refused', async () => {
  const heard: Buffer[] = []
  const port = await listen({ port: 0 }, (socket) => {
    socket.on('data', (bytes) => {
      heard.push(bytes)
      socket.write('N')
    })
  })
  const error = await rejection(requestCancel(clientOf(host, port), [{ options: { host, port, ssl: {} } }], 2_000))
  expect(error).toMatchObject({ message: expect.stringContaining('no TLS') as string })
  expect(Buffer.concat(heard).length).toBe(8)
})

test('a server that says nothing is waited for no longer than it may take', async () => {
  const port = await listen({ port: 0 }, (socket) => socket.pause())
  const startMs = performance.now()
  const error = await rejection(requestCancel(clientOf(host, port), [{ options: { host, port } }], 50))
  expect(error).toMatchObject({ name: 'AbortError' })
  expect(performance.now() - startMs).toBeLessThan(1_000)
})

test('a host that takes no connections any more is an error', async () => {
  const port = await listen({ port: 0 }, (socket) => socket.resume())
  const [server] = servers
  await new Promise((resolve) => server?.close(resolve))
  const error = await rejection(requestCancel(clientOf(host, port), [{ options: { host, port } }], 2_000))
  expect(error).toMatchObject({ code: 'ECONNREFUSED' })
})

test.each([
  ['a server that gave no key', {}, undefined, 'processID'],
  ['a stream that is no socket', SECRETS, () => new Duplex(), 'net.Socket'],
])('%s: nothing can be cancelled', async (_what, secrets, stream, words) => {
  const port = await listen({ port: 0 }, (socket) => socket.resume())
  const client = clientOf(host, port, {}, secrets)
  const error = await rejection(requestCancel(client, [{ options: { host, port, stream } }], 200))
  expect(String(error)).toContain(words)
})
