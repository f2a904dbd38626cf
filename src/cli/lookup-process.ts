import { spawn } from 'node:child_process'
import { addressOf } from '../network/addresses.ts'
import type { Lookup } from '../network/lookup.ts'
import { systemLookup } from '../network/system-lookup.ts'

/** No more names than half of these are looked up at a time: Node leaves the other half of its threads to other work. */
const MOST_THREADS = 128

/** What the process runs. It says that it is there, answers what it is asked, and is gone with whoever asks. */
const PROGRAM = `const dns = require('node:dns')
const hints = process.platform === 'win32' ? 0 : dns.ADDRCONFIG
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
process.on('message', ([id, name]) => dns.lookup(name, { all: true, hints }, (error, found) => process.send(
  error === null ? [id, found.map(({ address }) => address)] : [id, [], error.code, error.message])))
process.send([0, []])`

/**
 * The system's resolver, asked by a process of its own: a look-up that hangs holds a thread, no process ends before all its threads
 * have, and this one can be killed. Where it cannot be started, or is gone, look-ups are made here.
 */
export async function openLookupProcess(nameCount: number): Promise<Lookup> {
  const child = spawn(process.execPath, ['-e', PROGRAM], {
    env: { ...process.env, NODE_OPTIONS: '', UV_THREADPOOL_SIZE: String(Math.min(MOST_THREADS, nameCount * 2)) },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  process.once('exit', () => child.kill('SIGKILL'))
  const asked = new Map<number, readonly [name: string, done: Parameters<Lookup>[2]]>()
  let [isGone, lastId] = [false, 0]
  await new Promise<void>((resolve) => {
    const gone = (): void => {
      isGone = true
      for (const [name, done] of asked.values()) systemLookup(name, { all: true }, done)
      asked.clear()
      resolve()
    }
    child.on('error', gone)
    child.on('exit', gone)
    child.on('message', (message: readonly [number, readonly string[], code?: string, text?: string]) => {
      const [id, addresses, code, text] = message
      const [, done] = asked.get(id) ?? []
      asked.delete(id)
      if (id === 0) resolve()
      else if (code === undefined) done?.(null, addresses.map(addressOf))
      else done?.(Object.assign(new Error(text), { code }))
    })
  })
  child.unref()
  child.channel?.unref()
  return (name, options, done) => {
    if (isGone) return systemLookup(name, options, done)
    asked.set((lastId += 1), [name, done])
    child.send([lastId, name])
  }
}
