import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { SocketReads } from '../../../src/driver/socket-reads.ts'
import { eventually } from '../../support/eventually.ts'

let server: Server
let peer: Socket
let socket: Socket

beforeEach(async () => {
  server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const accepted = once(server, 'connection')
  socket = connect(address.port, '127.0.0.1')
  peer = (await accepted)[0] as Socket
})

afterEach(async () => {
  socket.destroy()
  peer.destroy()
  server.close()
  await once(server, 'close')
})

test('a socket that is read counts its bytes', async () => {
  const reads = new SocketReads()
  socket.on('data', () => undefined)
  const before = reads.of(socket)
  expect(before).toMatchObject({ amount: 0, isRead: true })
  peer.write('twelve bytes')
  await eventually('all is read', () => reads.of(socket)?.amount === 12)
  expect(reads.of(socket)).toEqual({ ...before, amount: 12 })
})

test('a pause shows, also when it is over', () => {
  const reads = new SocketReads()
  socket.on('data', () => undefined)
  const before = reads.of(socket)
  socket.pause()
  expect(reads.of(socket)).toMatchObject({ isRead: false })
  socket.resume()
  const after = reads.of(socket)
  expect(after?.isRead).toBe(true)
  expect(after?.pauses).toBe((before?.pauses ?? 0) + 1)
})

test('a slow consumer pauses what it is piped from', async () => {
  const reads = new SocketReads()
  const slow = new PassThrough({ highWaterMark: 1 })
  socket.pipe(slow)
  const before = reads.of(socket)
  peer.write(Buffer.alloc(10_000))
  await eventually('reading is paused', () => reads.of(socket)?.isRead === false)
  expect(reads.of(socket)?.pauses).toBeGreaterThan(before?.pauses ?? Infinity)
})

test('another socket in its place begins anew', () => {
  const reads = new SocketReads()
  socket.on('data', () => undefined)
  const before = reads.of(socket)
  peer.on('data', () => undefined)
  expect(reads.of(peer)?.pauses).toBeGreaterThan(before?.pauses ?? Infinity)
})

test('a stream that counts no bytes tells nothing', () => {
  expect(new SocketReads().of(new PassThrough())).toBeUndefined()
})
