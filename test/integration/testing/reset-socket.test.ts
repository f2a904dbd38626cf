import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { resetSocket } from '../../../src/testing/reset-socket.ts'

let server: Server
let client: Socket
let peer: Socket

const sockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length

beforeEach(async () => {
  server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address: AddressInfo | string | null = server.address()
  const accepted = once(server, 'connection')
  client = connect(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1')
  await once(client, 'connect')
  const [socket] = (await accepted) as [Socket]
  peer = socket
})
afterEach(async () => {
  peer.destroy()
  const closed = once(server, 'close')
  server.close()
  await closed
})

test('the other side sees a reset', async () => {
  const error = once(peer, 'error')
  resetSocket(client)
  expect(await error).toMatchObject([{ code: 'ECONNRESET' }])
})

test('a socket that has just been ended is closed all the same, and none is left', async () => {
  const failed: unknown[] = []
  client.on('error', (error) => failed.push(error))
  const closed = [once(client, 'close'), once(peer, 'close')]
  peer.resume()
  client.end()
  resetSocket(client)
  await Promise.all(closed)
  expect(failed).toEqual([])
  expect(sockets()).toBe(0)
})
