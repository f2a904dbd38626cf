import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Client } from 'pg'
import { expect } from 'vitest'
import { processesUnder } from '../../../src/testing/processes.ts'
import type { PgCluster, PgNode } from '../../../src/testing/index.ts'

/** The element at the index, which must be there. */
export function at<T>(list: readonly T[], index: number): T {
  const found = list[index]
  if (found === undefined) throw new Error(`There is no element ${index} of ${list.length}`)
  return found
}

/** The code of the error a promise rejects with. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'no error'
  } catch (error) {
    if (typeof error === 'object' && error !== null && 'code' in error) return String(error.code)
    return error instanceof Error ? `no code: ${error.message}` : 'no code'
  }
}

/** An application's connection; errors outside of queries are collected in `lost`. */
export async function openClient(
  connectionString: string,
): Promise<{ client: Client; lost: Error[] } & AsyncDisposable> {
  const client = new Client({ connectionString, connectionTimeoutMillis: 10_000 })
  const lost: Error[] = []
  client.on('error', (error: Error) => lost.push(error))
  await client.connect()
  const close = async (): Promise<void> => {
    await Promise.race([client.end().catch(() => undefined), pause(1_000)])
  }
  return { client, lost, [Symbol.asyncDispose]: close }
}

/** `pending`, when the promise has not settled after so many milliseconds. */
export async function settledWithin(promise: Promise<unknown>, ms: number): Promise<'settled' | 'pending'> {
  const settled = promise.then(
    () => 'settled' as const,
    () => 'settled' as const,
  )
  return Promise.race([settled, pause(ms, 'pending' as const)])
}

/** Resolves to the code of the error that connecting ends with, or to `connected`. */
export function tryConnect(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      resolve('connected')
    })
    socket.on('error', (error) => resolve('code' in error ? String(error.code) : error.message))
  })
}

/** The folder that holds everything of the process's clusters. */
export const runFolderOf = (cluster: PgCluster): string => dirname(at(cluster.nodes, 0).dataFolder)

export const portsOf = (cluster: PgCluster): number[] => cluster.nodes.map(({ port }) => port)

/** Waits until nothing of a cluster is left, and fails if something stays. */
export async function expectNothingLeft(folder: string, ports: readonly number[], withinMs = 0): Promise<void> {
  const end = performance.now() + withinMs
  // Data may be kept in memory, and the rest beside other temporary files.
  const folders = [folder, ...[tmpdir(), '/tmp', '/dev/shm'].map((base) => join(base, basename(folder)))]
  const left = (): unknown[] => [...processesUnder(folder), ...folders.filter((each) => existsSync(each))]
  while (left().length > 0 && performance.now() < end) await pause(20)
  expect(left()).toEqual([])
  for (const port of ports) expect(await tryConnect(port)).toBe('ECONNREFUSED')
}

/** What the process that opened a cluster told about it. */
export interface OpenedCluster {
  readonly folder: string
  readonly ports: number[]
  readonly startedInMs: number
  readonly value: number
}

function parseOpened(line: string): OpenedCluster {
  const told: unknown = JSON.parse(line)
  if (typeof told !== 'object' || told === null) throw new Error(line)
  const entries = new Map<string, unknown>(Object.entries(told))
  const ports = entries.get('ports')
  return {
    folder: String(entries.get('folder')),
    ports: Array.isArray(ports) ? ports.map(Number) : [],
    startedInMs: Number(entries.get('startedInMs')),
    value: Number(entries.get('value')),
  }
}

/** A process with a cluster of its own. */
export interface ClusterProcess {
  readonly opened: OpenedCluster
  readonly nextLine: () => Promise<string>
  readonly kill: (signal: NodeJS.Signals) => void
  /** Resolves to the exit code or the signal. */
  readonly ended: Promise<number | string>
}

/** Runs `fixtures/open-cluster.ts`. */
export async function openClusterProcess(
  then: string,
  options: { cwd?: string; uid?: number; gid?: number; env?: Record<string, string> } = {},
): Promise<ClusterProcess> {
  const root = join(import.meta.dirname, '..', '..', '..')
  const fixture = join(import.meta.dirname, 'fixtures', 'open-cluster.ts')
  const { env, ...rest } = options
  const loader = join(root, 'node_modules', 'tsx', 'dist', 'esm', 'index.mjs')
  const child = spawn(process.execPath, ['--import', loader, fixture, then], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    ...rest,
  })
  let output = ''
  let errors = ''
  let read = 0
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const ended = once(child, 'close').then(([code, signal]) => (typeof code === 'number' ? code : String(signal)))
  const nextLine = async (): Promise<string> => {
    for (;;) {
      const end = output.indexOf('\n', read)
      if (end !== -1) {
        const line = output.slice(read, end)
        read = end + 1
        return line
      }
      if ((await settledWithin(ended, 20)) === 'settled' && !output.includes('\n', read)) throw new Error(errors)
    }
  }
  const opened = parseOpened(await nextLine())
  return { opened, nextLine, kill: (signal) => void child.kill(signal), ended }
}

/** Each node's role, by name. */
export async function rolesOf(nodes: readonly PgNode[]): Promise<Record<string, string>> {
  return Object.fromEntries(await Promise.all(nodes.map(async (node) => [node.name, await node.role()] as const)))
}
