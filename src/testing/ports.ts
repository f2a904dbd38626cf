import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { Server } from 'node:net'
import { randomInt } from 'node:crypto'
import { PgClusterError } from './pg-cluster-error.ts'

const BLOCK = 16
const LOWEST = 10_240

/** The first port the kernel gives to outgoing connections; one of those would keep a server from starting again. */
function firstEphemeral(): number {
  try {
    const low = Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/)[0])
    return low >= LOWEST + 1024 ? low : 32_768
  } catch {
    return 32_768
  }
}

async function listenOn(port: number): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy())
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return server
  } catch {
    return undefined
  }
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  await closed
}

/** Sixteen ports held by listening on the first: the kernel lets one process have them, and frees them if it dies. */
interface Block {
  readonly first: number
  readonly lock: Server
  readonly taken: Set<number>
  /** Somebody else listened here. */
  readonly foreign: Set<number>
}

const blocks: Block[] = []

async function lockBlock(): Promise<Block> {
  const count = Math.floor((firstEphemeral() - LOWEST) / BLOCK)
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const first = LOWEST + BLOCK * randomInt(count)
    const lock = await listenOn(first)
    if (lock === undefined) continue
    lock.unref()
    const block = { first, lock, taken: new Set<number>(), foreign: new Set<number>() }
    blocks.push(block)
    return block
  }
  throw new PgClusterError('ERR_HASQL_TESTING_START', `Found no free ports between ${LOWEST} and ${firstEphemeral()}`)
}

async function unlockIfUnused(block: Block): Promise<void> {
  const index = blocks.indexOf(block)
  if (block.taken.size > 0 || index === -1) return
  blocks.splice(index, 1)
  await closeServer(block.lock)
}

async function takeFrom(block: Block): Promise<number | undefined> {
  for (let port = block.first + 1; port < block.first + BLOCK; port += 1) {
    if (block.taken.has(port) || block.foreign.has(port)) continue
    block.taken.add(port)
    const probe = await listenOn(port)
    if (probe !== undefined) {
      await closeServer(probe)
      return port
    }
    block.taken.delete(port)
    block.foreign.add(port)
  }
  await unlockIfUnused(block)
  return undefined
}

/** Takes a port on 127.0.0.1 that stays ours while nothing listens on it. Give it back with `givePort`. */
export async function takePort(): Promise<number> {
  for (const block of [...blocks]) {
    const port = await takeFrom(block)
    if (port !== undefined) return port
  }
  for (;;) {
    const port = await takeFrom(await lockBlock())
    if (port !== undefined) return port
  }
}

/** Gives a port back; one that was not taken here is left alone. */
export async function givePort(port: number): Promise<void> {
  const block = blocks.find(({ taken }) => taken.has(port))
  block?.taken.delete(port)
  if (block !== undefined) await unlockIfUnused(block)
}
