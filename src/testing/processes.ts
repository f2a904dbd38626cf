/** One running process. */
export interface ProcessRecord {
  readonly pid: number
  readonly parent: number
  /** The kernel's letter: `T` is stopped. */
  readonly state: string
  /** Whether it is a server, or its initdb, working in the folder; the others are their descendants. */
  readonly root: boolean
}

/**
 * Lists the server processes of every data folder at or below `folder`, parents before their children.
 *
 * They are known by the folder itself (`-D …` on the command line, or the working directory), never by a remembered pid
 * that may have been given to another process meanwhile. The folder's random name makes it unmistakable.
 * Runs inside the guardian too: this function may use nothing but its arguments and node's built-in modules.
 */
export function processesUnder(folder: string): ProcessRecord[] {
  const fs = process.getBuiltinModule('node:fs')
  const isServer = (command: string): boolean =>
    ` ${command} `.includes(` -D ${folder}/`) || ` ${command} `.includes(` -D ${folder} `)
  const all: ProcessRecord[] = []
  const readLinux = (pid: number): void => {
    try {
      const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1')
      const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))
      const [state = '', parent = '0'] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      let root = false
      if (name === 'postgres' || name === 'initdb') {
        const command = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
        root = isServer(command) || `${fs.readlinkSync(`/proc/${pid}/cwd`)}/`.startsWith(`${folder}/`)
      }
      all.push({ pid, parent: Number(parent), state, root })
    } catch {
      // It ended while being read.
    }
  }
  if (process.platform === 'linux') {
    for (const entry of fs.readdirSync('/proc')) if (/^\d+$/.test(entry)) readLinux(Number(entry))
  } else {
    const { execFileSync } = process.getBuiltinModule('node:child_process')
    const text = execFileSync('ps', ['-axo', 'pid=,ppid=,stat=,command='], { encoding: 'utf8' })
    for (const line of text.split('\n')) {
      const [, pid, parent, state, command] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? []
      if (pid === undefined || parent === undefined || state === undefined || command === undefined) continue
      const root = /^\S*(postgres|initdb)\b/.test(command) && isServer(command)
      all.push({ pid: Number(pid), parent: Number(parent), state: state.slice(0, 1), root })
    }
  }
  const living = all.filter((each) => !/^[ZX]/.test(each.state) && each.pid !== process.pid)
  const found = living.filter((each) => each.root)
  for (const each of found) {
    found.push(...living.filter((other) => other.parent === each.pid && !found.includes(other)))
  }
  return found
}
