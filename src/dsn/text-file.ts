import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import type { Stats } from 'node:fs'

/** Files larger than this are treated as missing: nothing a connection needs is. */
const MAX_FILE_BYTES = 1 << 20

/** The text of a plain file, or undefined when there is none that can be read. */
export function readTextFile(path: string): string | undefined {
  return readPlainFile(path, () => true)
}

/** The same, but a file that the group or the world may touch counts as missing (libpq's rule; not on Windows). */
export function readPrivateTextFile(path: string): string | undefined {
  return readPlainFile(path, (stats) => process.platform === 'win32' || isPrivate(stats.mode))
}

/** Whether a file's mode bits leave it to its owner alone. */
export function isPrivate(mode: number): boolean {
  return (mode & 0o077) === 0
}

function readPlainFile(path: string, accepts: (stats: Stats) => boolean): string | undefined {
  try {
    // Checked on the open file, so that it cannot be swapped in between; O_NONBLOCK, so that a FIFO cannot hang us.
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const stats = fstatSync(file)
      if (!stats.isFile() || stats.size > MAX_FILE_BYTES || !accepts(stats)) return undefined
      return readFileSync(file, 'utf8')
    } finally {
      closeSync(file)
    }
  } catch {
    return undefined
  }
}
