import { EventEmitter } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { afterEach, expect, test } from 'vitest'
import { cancelAtHost } from '../../../src/integrations/knex/cancel.ts'
import type { CancelledClient } from '../../../src/integrations/knex/cancel.ts'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import { rejection } from '../../support/eventually.ts'

forbidEscapedErrors()

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

function clientOf(host: string, port: number, secrets: object = { processID: 7, secretKey: -9 }): CancelledClient {
  return Object.assign(new EventEmitter(), { host, port }, secrets)
}

/** Int32 16, Int32 80877102, Int32 process, Int32 secret key. */
const REQUEST = Buffer.from('0000001004d2162e00000007fffffff7', 'hex')

test('the request goes to the host of the client, and the client is waited for', async () => {
  const heard: Buffer[] = []
  const order: string[] = []
  const port = await listen({ port: 0 }, (socket) => {
    socket.on('data', (bytes) => {
      heard.push(bytes)
      socket.end()
      setTimeout(() => {
        order.push('free')
        client.emit('drain')
      }, 20)
    })
  })
  const client = clientOf('127.0.0.1', port)
  await cancelAtHost(
    client,
    [{ options: { host: '127.0.0.1', port: 1 } }, { options: { host: '127.0.0.1', port } }],
    2_000,
  )
  order.push('cancelled')
  expect(Buffer.concat(heard)).toEqual(REQUEST)
  expect(order).toEqual(['free', 'cancelled'])
})

test('a socket in a folder is found there', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'cancel-'))
  try {
    const client = clientOf(folder, 5432)
    await listen({ path: join(folder, '.s.PGSQL.5432') }, (socket) => {
      socket.resume().end()
      client.emit('drain')
    })
    await cancelAtHost(client, [{ options: { host: folder, port: 5432 } }], 2_000)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('nothing is asked of a host that is not the manager’s', async () => {
  const error = await rejection(cancelAtHost(clientOf('db9', 5432), [{ options: { host: 'db1', port: 5432 } }], 2_000))
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
  const host = '127.0.0.1'
  const error = await rejection(cancelAtHost(clientOf(host, port), [{ options: { host, port, ssl: {} } }], 2_000))
  expect(error).toMatchObject({ message: expect.stringContaining('no TLS') as string })
  expect(Buffer.concat(heard).length).toBe(8)
})

test('a server that says nothing is waited for no longer than it may take', async () => {
  const port = await listen({ port: 0 }, (socket) => socket.pause())
  const host = '127.0.0.1'
  const startMs = performance.now()
  const error = await rejection(cancelAtHost(clientOf(host, port), [{ options: { host, port } }], 50))
  expect(error).toMatchObject({ name: 'AbortError' })
  expect(performance.now() - startMs).toBeLessThan(1_000)
})

test.each([
  ['a server that gave no key', {}, undefined, 'processID'],
  ['a stream that is no socket', { processID: 1, secretKey: 1 }, () => new Duplex(), 'net.Socket'],
])('%s: nothing can be cancelled', async (_what, secrets, stream, words) => {
  const port = await listen({ port: 0 }, (socket) => socket.resume())
  const host = '127.0.0.1'
  const client = clientOf(host, port, secrets)
  const error = await rejection(cancelAtHost(client, [{ options: { host, port, stream } }], 200))
  expect(String(error)).toContain(words)
})
