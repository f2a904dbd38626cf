import type { Io } from './io.ts'
import { UsageError } from './usage-error.ts'

/** Longer input is no password. */
const MAX_LENGTH = 4_096

/**
 * Asks for a password: hidden on a terminal, else the first line of the input.
 * @throws {UsageError} the input ended, or was ended with Ctrl-C, before a line was.
 */
export async function askPassword(io: Io, user: string): Promise<string> {
  const isHidden = io.keys.isTTY === true
  try {
    // Hidden before it is asked for: what answers at once would be shown.
    if (isHidden) {
      io.keys.setRawMode?.(true)
      io.err.write(`Password for ${user}: `)
    }
    return await readLine(io)
  } finally {
    io.keys.pause()
    if (isHidden) {
      io.keys.setRawMode?.(false)
      io.err.write('\n')
    }
  }
}

function readLine({ keys }: Io): Promise<string> {
  return new Promise((resolve, reject) => {
    let line = ''
    const decoder = new TextDecoder()
    const done = (settle: () => void): void => {
      keys.off('data', onData)
      keys.off('end', onEnd)
      settle()
    }
    const refuse = (why: string): void => done(() => reject(new UsageError(why)))
    const onEnd = (): void => (line === '' ? refuse('No password was given on the input') : done(() => resolve(line)))
    const onData = (chunk: Uint8Array | string): void => {
      for (const key of typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })) {
        if (key === '\r' || key === '\n') return done(() => resolve(line))
        if (key === '\u0003') return refuse('No password was given')
        if (key === '\u0004') return onEnd()
        line = key === '\u007f' || key === '\b' ? line.replace(/.$/su, '') : line + key
        if (line.length > MAX_LENGTH) return refuse('The password is too long')
      }
    }
    keys.on('data', onData)
    keys.on('end', onEnd)
    keys.resume()
  })
}
