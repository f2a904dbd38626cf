import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { NamedSocket } from '../../../../src/drivers/pg/named-socket.ts'
import type { SocketLookup } from '../../../../src/network/lookup.ts'

let servers: Server[]
let sockets: NamedSocket[]
let asked: string[]

beforeEach(() => {
  servers = []
  sockets = []
  asked = []
})
afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  for (const server of servers) await new Promise((resolve) => server.close(resolve))
})

async function listen(place: string | number): Promise<number> {
  const server = createServer((socket) => socket.destroy())
  servers.push(server)
  if (typeof place === 'number') server.listen(place, '127.0.0.1')
  else server.listen(place)
  await once(server, 'listening')
  const address: AddressInfo | string | null = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

function open(): NamedSocket {
  const lookup: SocketLookup = (hostname, options, callback) => {
    asked.push(hostname)
    if (options.all === true) callback(null, [{ address: '127.0.0.1', family: 4 }])
    else callback(null, '127.0.0.1', 4)
  }
  const socket = new NamedSocket(lookup)
  sockets.push(socket)
  return socket
}

test('a port and a host, as pg calls it: the name is looked up by what it was given', async () => {
  const port = await listen(0)
  await once(open().connect(port, 'db.test'), 'connect')
  expect(asked).toEqual(['db.test'])
})

test('a listener is called, in any form of the call', async () => {
  const port = await listen(0)
  const path = `\0hasql-test-${port}`
  await listen(path)
  await new Promise<void>((resolve) => void open().connect(port, 'db.test', resolve))
  await new Promise<void>((resolve) => void open().connect({ port, host: '127.0.0.1' }, resolve))
  await new Promise<void>((resolve) => void open().connect(path, resolve))
  expect(asked).toEqual(['db.test'])
})

test('an address is not looked up', async () => {
  const port = await listen(0)
  await once(open().connect(port, '127.0.0.1'), 'connect')
  expect(asked).toEqual([])
})

test.skipIf(process.platform !== 'linux')('an abstract socket is no name', async () => {
  const port = await listen(0)
  await listen(`\0hasql-test/.s.PGSQL.${port}`)
  await once(open().connect(port, '@hasql-test'), 'connect')
  expect(asked).toEqual([])
})
