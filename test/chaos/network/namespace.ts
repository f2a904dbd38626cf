import { execFileSync, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { PgNode } from 'hasql/testing'
import type { Place } from '../frame/stage.ts'
import { relay } from './relay.ts'

/** Which way packets are lost, as seen from the client. */
export type Direction = 'toServer' | 'toClient'

/** A hardware address that nobody has: what is sent to it arrives nowhere, and the kernel is told nothing. */
const NOBODY = '02:00:00:00:00:01'

/**
 * A second network namespace in which every server has an address of its own, at the far end of a pair of virtual
 * network cards. A lost packet is really lost here: no refusal, no reset, and TCP itself is what does not know.
 *
 * To be made inside a first namespace (see `inNamespace`), so that nothing of it is ever seen by the machine.
 */
export class FarSide {
  readonly #process: ChildProcess
  readonly #lines: AsyncIterator<string>
  readonly #links = new Map<PgNode, number>()
  #nextLink = 1

  private constructor(process: ChildProcess, lines: AsyncIterator<string>) {
    this.#process = process
    this.#lines = lines
  }

  static async open(): Promise<FarSide> {
    const script = `const __name = (value) => value; (${relay.toString()})()`
    const child = spawn('unshare', ['-n', process.execPath, '-e', script], { stdio: ['pipe', 'pipe', 'inherit'] })
    const far = new FarSide(child, createInterface({ input: child.stdout })[Symbol.asyncIterator]())
    await far.#hear('ready')
    return far
  }

  /** Gives a node an address at the far end of a link of its own. */
  async place(node: PgNode): Promise<Place> {
    const link = this.#nextLink++
    this.#links.set(node, link)
    const [near, far] = [`near${link}`, `far${link}`]
    ip(['link', 'add', near, 'type', 'veth', 'peer', 'name', far])
    ip(['link', 'set', far, 'netns', String(this.#process.pid)])
    ip(['addr', 'add', `10.231.${link}.1/24`, 'dev', near])
    ip(['link', 'set', near, 'up'])
    this.#farIp(['addr', 'add', `10.231.${link}.2/24`, 'dev', far])
    this.#farIp(['link', 'set', far, 'up'])
    const [row] = await node.query<{ folder: string }>("select current_setting('unix_socket_directories') as folder")
    const place = { host: `10.231.${link}.2`, port: node.port }
    this.#process.stdin?.write(`${place.host} ${place.port} ${row?.folder ?? ''}/.s.PGSQL.${node.port}\n`)
    await this.#hear('listening')
    return place
  }

  /** Loses every packet in one direction, or both, from now on. */
  blackhole(node: PgNode, directions: readonly Direction[] = ['toServer', 'toClient']): void {
    this.#neighbours(node, directions, (address, device) => [
      ...['neigh', 'replace', address, 'lladdr', NOBODY, 'dev', device, 'nud', 'permanent'],
    ])
  }

  /** Lets packets through again. */
  heal(node: PgNode): void {
    this.#neighbours(node, ['toServer', 'toClient'], (address, device) => [
      'neigh',
      'flush',
      'to',
      address,
      'dev',
      device,
      'nud',
      'permanent',
    ])
  }

  async close(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const ended = once(this.#process, 'exit')
    this.#process.stdin?.end()
    await ended
  }

  #neighbours(
    node: PgNode,
    directions: readonly Direction[],
    words: (address: string, device: string) => string[],
  ): void {
    const link = this.#links.get(node)
    if (link === undefined) throw new Error(`${node.name} has no link`)
    if (directions.includes('toServer')) ip(words(`10.231.${link}.2`, `near${link}`))
    if (directions.includes('toClient')) this.#farIp(words(`10.231.${link}.1`, `far${link}`))
  }

  #farIp(words: readonly string[]): void {
    execFileSync('nsenter', ['-t', String(this.#process.pid), '-n', 'ip', ...words], { stdio: 'pipe' })
  }

  async #hear(word: string): Promise<void> {
    const said = await this.#lines.next()
    const line = said.done === true ? 'nothing' : said.value
    if (line !== word) throw new Error(`The far side was to say "${word}", but said "${line}"`)
  }
}

function ip(words: readonly string[]): void {
  execFileSync('ip', words, { stdio: 'pipe' })
}
