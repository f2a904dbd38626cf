import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { connect } from 'node:net'

/** Kinds of things that keep a process busy; file system requests and the like come and go by themselves. */
const LASTING =
  /^(?:TCPSocketWrap|TCPServerWrap|TLSWrap|PipeWrap|PipeServerWrap|Timeout|Immediate|ProcessWrap|GetAddrInfoReqWrap|UDPWrap)$/

/** What a process had open before a scenario, to be compared with what it has after. */
export class Leftovers {
  readonly #before = resources()
  readonly #children = new Set(children())

  /** What is left of the scenario, in words, once things had a moment to end. */
  async find(folders: readonly string[], ports: readonly number[]): Promise<readonly string[]> {
    let left: readonly string[] = []
    for (let attempt = 0; attempt < 100; attempt++) {
      left = [...this.#resources(), ...this.#processes(), ...folders.filter(existsSync).map((path) => `folder ${path}`)]
      if (left.length === 0) break
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    const open = await Promise.all(ports.map(async (port) => ((await isOpen(port)) ? [`port ${port}`] : [])))
    return [...left, ...open.flat()].map((what) => `left behind: ${what}`)
  }

  #resources(): readonly string[] {
    return [...resources()].flatMap(([name, count]) => {
      const more = count - (this.#before.get(name) ?? 0)
      return more > 0 ? [`${more} ${name}`] : []
    })
  }

  #processes(): readonly string[] {
    return children()
      .filter((pid) => !this.#children.has(pid))
      .map((pid) => `process ${pid}`)
  }
}

function resources(): Map<string, number> {
  const counts = new Map<string, number>()
  for (const name of process.getActiveResourcesInfo()) {
    if (LASTING.test(name)) counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return counts.set('sockets, those that hold nothing included', socketDescriptors())
}

/** What the kernel knows of: a socket that does not keep the process alive, or that Node has lost, is one too. */
function socketDescriptors(): number {
  if (process.platform !== 'linux') return 0
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:')
    } catch {
      return false
    }
  }).length
}

/** Living children of this process. */
function children(): readonly number[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return []
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'latin1')
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return Number(parent) === process.pid && state !== 'Z' ? [Number(entry)] : []
    } catch {
      return []
    }
  })
}

async function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const done = (open: boolean): void => {
      socket.destroy()
      resolve(open)
    }
    socket.on('connect', () => done(true)).on('error', () => done(false))
  })
}
