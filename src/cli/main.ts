#!/usr/bin/env node
import { toError } from '../to-error.ts'
import { systemClock } from '../time/system-clock.ts'
import { EXIT } from './exit-code.ts'
import type { Io } from './io.ts'
import { run } from './run.ts'
import { shown } from './shown.ts'

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

const io: Io = {
  environment: process.env,
  out: process.stdout,
  err: process.stderr,
  // Opening the input may change it: only who reads from it does.
  get keys() {
    return process.stdin
  },
  clock: systemClock,
  now: () => new Date(),
  onStop(listener) {
    for (const signal of STOP_SIGNALS) process.on(signal, listener)
    return () => {
      for (const signal of STOP_SIGNALS) process.off(signal, listener)
    }
  },
  onExit(listener) {
    process.on('exit', listener)
    return () => void process.off('exit', listener)
  },
  openLookup: async (nameCount) => (await import('./lookup-process.ts')).openLookupProcess(nameCount),
  loadPg: () => import('../drivers/pg.ts'),
}

// A reader that has seen enough (`hasql status … | head -1`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

// Told last, after those who have a terminal to put back: what is written on its second page is gone with it.
process.on('uncaughtException', (thrown) => {
  const { stack, message } = toError(thrown)
  process.on('exit', () => process.stderr.write(`hasql: ${(stack ?? message).split('\n').map(shown).join('\n  ')}\n`))
  process.exit(EXIT.failure)
})

process.exitCode = await run(process.argv.slice(2), io)
// What is written goes out first; nothing that is still under way holds the process.
process.stdout.write('', () => process.stderr.write('', () => process.exit()))
