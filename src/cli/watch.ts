import type { ManagerEvents } from '../manager/events.ts'
import type { HostDescription } from '../topology/host-description.ts'
import type { Run } from './commands.ts'
import { EXIT } from './exit-code.ts'
import type { ExitCode } from './exit-code.ts'
import type { Io } from './io.ts'
import { LivePage } from './live-page.ts'
import { openManager } from './open-manager.ts'
import type { Watching } from './open-manager.ts'
import { timeOf } from './parse-arguments.ts'
import { shown } from './shown.ts'
import { readTarget } from './target.ts'
import type { Target } from './target.ts'
import { wordTime } from './words.ts'

const INTERVAL_MS = 1_000

/** `hasql watch`: the hosts, live; a page on a terminal, else one line for each change. */
export const watch: Run = async (given, io) => {
  const target = await readTarget(given, io)
  const watching = await openManager(target, timeOf(given, 'interval') ?? INTERVAL_MS, io)
  try {
    return await (io.out.isTTY === true ? onPage(target, watching, io) : inLines(watching, io))
  } finally {
    await watching.manager.terminate()
  }
}

/** Resolves when a key or a signal ends it; whatever happens, the terminal is as it was. */
async function onPage(target: Target, watching: Watching, io: Io): Promise<ExitCode> {
  const page = new LivePage(target, watching, io)
  const stopNoting = noteChanges(watching, io, (line) => page.note(line))
  // Listens before the terminal is another: a signal that comes in between must not leave it like that.
  const quit = untilQuit(io)
  try {
    page.open()
    watching.manager.start()
    return await quit
  } finally {
    page.close()
    stopNoting()
  }
}

async function inLines(watching: Watching, io: Io): Promise<ExitCode> {
  const stopNoting = noteChanges(watching, io, (line) => void io.out.write(`${line}\n`))
  watching.manager.start()
  await new Promise<void>((resolve) => io.onStop(resolve))
  stopNoting()
  return EXIT.interrupted
}

function untilQuit({ keys, onStop }: Io): Promise<ExitCode> {
  return new Promise((resolve) => {
    const offStop = onStop(() => quit(EXIT.interrupted))
    const onKey = (chunk: Uint8Array | string): void => {
      const text = typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk)
      if (text.includes('\u0003')) quit(EXIT.interrupted)
      else if (/[qQ]/.test(text)) quit(EXIT.ok)
    }
    function quit(code: ExitCode): void {
      offStop()
      keys.off('data', onKey)
      resolve(code)
    }
    // An input that is no terminal has no keys, and its end means nothing.
    if (keys.isTTY === true) keys.on('data', onKey)
  })
}

/** One line for each thing that happens, with the time of day. Returns what stops it. */
function noteChanges({ manager }: Watching, { now }: Io, note: (line: string) => void): () => void {
  const say = (text: string): void => note(`${now().toISOString().slice(0, 19)}Z  ${text}`)
  const listen = <E extends keyof ManagerEvents<unknown>>(
    event: E,
    word: (record: ManagerEvents<unknown>[E]) => string | undefined,
  ): (() => void) =>
    manager.on(event, (record) => {
      const text = word(record)
      if (text !== undefined) say(text)
    })
  const offs = [
    listen('hostUp', ({ host, state }) => `${host}  ${state.kind}`),
    listen('hostDown', ({ host, state, cause }) => `${host}  ${state.kind}: ${shown(cause.message)}`),
    listen(
      'roleChange',
      ({ host, before, after }) => `${host}  ${before.kind} -> ${after.kind}${wordFor(before, after)}`,
    ),
    listen('masterChange', ({ before, after }) => `master  ${before === undefined ? '' : `${before} -> `}${after}`),
    listen('splitBrain', ({ host, master }) => `SPLIT BRAIN  ${host} takes writes beside ${master ?? 'another host'}`),
    listen(
      'staleMaster',
      ({ host, timeline, why }) => `STALE MASTER  ${host} takes writes on timeline ${timeline ?? '?'}; ${why}`,
    ),
    listen('replicaDetached', ({ host, why }) => `NOT FOLLOWING  ${host} ${why}`),
    listen('replicaFollows', ({ host }) => `${host}  follows the master again`),
    listen('foreignCluster', ({ host }) => `FOREIGN CLUSTER  ${host} belongs to another cluster`),
  ]
  return () => {
    for (const off of offs) off()
  }
}

function wordFor(before: HostDescription, after: HostDescription): string {
  return ` after ${wordTime(after.sinceMs - before.sinceMs)}`
}
