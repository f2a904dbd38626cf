import { closeSync, openSync, readSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

const PAGE = 8192n

/** Reads WAL as it lies on disk, from `lsn` on and within its page; `undefined` when it is not there. */
function readWal(dataFolder: string, timeline: number, lsn: bigint, length: number): Buffer | undefined {
  const folder = join(dataFolder, 'pg_wal')
  const hex = (value: bigint): string => value.toString(16).toUpperCase().padStart(8, '0')
  try {
    const any = readdirSync(folder).find((name) => /^[0-9A-F]{24}$/.test(name))
    if (any === undefined) return undefined
    const size = BigInt(statSync(join(folder, any)).size)
    const perFile = 0x1_0000_0000n / size
    const segment = lsn / size
    const name = `${hex(BigInt(timeline))}${hex(segment / perFile)}${hex(segment % perFile)}`
    const file = openSync(join(folder, name), 'r')
    try {
      const bytes = Buffer.alloc(Math.min(length, Number(PAGE - (lsn % PAGE))))
      readSync(file, bytes, 0, bytes.length, Number(lsn % size))
      return bytes
    } finally {
      closeSync(file)
    }
  } catch {
    return undefined
  }
}

/**
 * Whether two data folders hold the same WAL at a place. Two servers promoted independently share timeline numbers,
 * and perhaps even the place where they parted; their records, which carry checksums and times, differ.
 */
export function isSameWal(one: string, other: string, timeline: number, lsn: bigint, length = 64): boolean {
  const bytes = readWal(one, timeline, lsn, length)
  return bytes !== undefined && readWal(other, timeline, lsn, length)?.equals(bytes) === true
}
