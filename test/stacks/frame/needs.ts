import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Need } from './stack.ts'

/** What is missing, in words that say how it is installed; undefined when nothing is. */
export function missing(
  needs: readonly Need[],
  isThere: (path: string) => boolean = isExecutable,
  path: string = process.env['PATH'] ?? '',
): string | undefined {
  const places = [...path.split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin']
  const absent = needs.filter(
    ({ program, paths = [] }) => ![...places, ...paths].some((folder) => isThere(join(folder, program))),
  )
  if (absent.length === 0) return undefined
  const programs = [...new Set(absent.map(({ program }) => program))].join(', ')
  const packages = [...new Set(absent.map(({ debianPackage }) => debianPackage))].join(' ')
  return `${programs} not found; install with: apt-get update && apt-get install --no-install-recommends ${packages}`
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
