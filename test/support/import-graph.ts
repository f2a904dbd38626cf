import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'

/** One import or re-export of a file. */
export interface Import {
  /** As written. */
  readonly name: string
  /** The file of this repository that it names; undefined for a package or one of node's own modules. */
  readonly file: string | undefined
  /** Whether it is erased by the compiler. */
  readonly types: boolean
}

/** Whether types count: what is loaded at run time, or all that a compiler reads. */
export type Depth = 'values' | 'all'

const STATEMENT = /^(?:import|export)\s+(type\s+)?(?:[\w*\s{},$]+?\s+from\s+)?'([^']+)'/gm
const DYNAMIC = /\bimport\(\s*'([^']+)'\s*\)/g

/** All source files of the library, by their path from the root of the repository. */
export function sourceFiles(): readonly string[] {
  return readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => posix.join('src', name.replaceAll('\\', '/')))
    .sort()
}

/** What a file imports. */
export function importsOf(file: string, depth: Depth = 'all'): readonly Import[] {
  const source = readFileSync(file, 'utf8').replaceAll(/\/\*[\s\S]*?\*\//g, '')
  const statements = [...source.matchAll(STATEMENT)].map((match) =>
    toImport(file, match[2] ?? '', match[1] !== undefined),
  )
  const dynamic = [...source.matchAll(DYNAMIC)].map((match) => toImport(file, match[1] ?? '', false))
  return [...statements, ...dynamic].filter(({ types }) => depth === 'all' || !types)
}

/** The files and packages that come with a file. */
export function reachableFrom(file: string, depth: Depth): { files: readonly string[]; packages: readonly string[] } {
  const files = new Set<string>([file])
  const packages = new Set<string>()
  for (const next of files) {
    for (const each of importsOf(next, depth)) {
      if (each.file !== undefined) files.add(each.file)
      else if (!each.name.startsWith('node:')) packages.add(each.name)
    }
  }
  return { files: [...files], packages: [...packages] }
}

function toImport(from: string, name: string, types: boolean): Import {
  const file = name.startsWith('.') ? posix.join(posix.dirname(from), name) : undefined
  return { name, file, types }
}
