import { EventEmitter } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { cancelAtHost } from '../../../src/integrations/knex/cancel.ts'
import type { CancelledClient } from '../../../src/integrations/pg/cancel.ts'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import { rejection } from '../../support/eventually.ts'

forbidEscapedErrors()

let servers: Server[] = []
afterEach(() => {
  for (const server of servers) server.close()
  servers = []
})

/** A server that hands over its sockets. */
async function listen(onSocket: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    onSocket(socket)
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

function clientOf(host: string, port: number): CancelledClient & EventEmitter {
  return Object.assign(new EventEmitter(), { host, port, connection: { stream: {} }, processID: 7, secretKey: -9 })
}

/** Int32 16, Int32 80877102, Int32 process, Int32 secret key. */
const REQUEST = Buffer.from('0000001004d2162e00000007fffffff7', 'hex')

test('the request goes to the host of the client, and the client is waited for', async () => {
  const heard: Buffer[] = []
  const order: string[] = []
  const port = await listen((socket) => {
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

test('nothing is waited for when nothing could be asked', async () => {
  const client = clientOf('db9', 5432)
  const error = await rejection(cancelAtHost(client, [{ options: { host: 'db1', port: 5432 } }], 2_000))
  expect(error).toMatchObject({
    code: 'ERR_HASQL_UNKNOWN_CONNECTION',
    message: expect.stringContaining('db9') as string,
  })
})

test('a statement that goes on all the same is waited for no longer than it may take', async () => {
  const port = await listen((socket) => socket.resume().end())
  const host = '127.0.0.1'
  expect(await rejection(cancelAtHost(clientOf(host, port), [{ options: { host, port } }], 50))).toMatchObject({
    name: 'AbortError',
  })
})
