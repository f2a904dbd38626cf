#!/usr/bin/env node
import { systemClock } from '../time/system-clock.ts'
import type { Io } from './io.ts'
import { run } from './run.ts'

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
  loadPg: () => import('../drivers/pg.ts'),
}

// A reader that has seen enough (`hasql status … | head -1`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

process.exitCode = await run(process.argv.slice(2), io)
// What is written goes out first; a look-up that hangs must not hold the process (docs/names.md).
process.stdout.write('', () => process.stderr.write('', () => process.exit()))
