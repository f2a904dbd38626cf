// Builds what is published. Of `hasql`: for each entry point one module and one declaration file, and chunks of what several of them
// share, so that a class is the same one wherever it is imported from. Of `hasql-testing`, the tools for tests: one of each.
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { format } from 'prettier'
import type { Options } from 'prettier'
import { rollup } from 'rollup'
import type { OutputAsset, OutputChunk, Plugin } from 'rollup'
import { dts } from 'rollup-plugin-dts'
import { summarised } from './declarations.ts'
import { compiled, packedPage, small } from './javascript.ts'

process.chdir(resolve(import.meta.dirname, '../..'))

const COMPILED = resolve('build')
/** Where `npm run where` looks a place in a published file up; not published. */
const MAPS = 'maps'
const TESTING = 'packages/testing'
/** Of declarations. */
const LAYOUT: Options = {
  parser: 'typescript',
  useTabs: true,
  semi: false,
  singleQuote: true,
  trailingComma: 'none',
  arrowParens: 'avoid',
  bracketSpacing: false,
  printWidth: 320,
}

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>
  readonly bin: Readonly<Record<string, string>>
}

const { exports: entries, bin: commands } = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest
/** Of a published module its path below `src` and `dist`, without an ending. */
const nameOf = (file: string): string => file.replace(/^\.\/dist\/(.+)\.js$/, '$1')
const libraries = Object.values(entries)
  .flatMap((entry) => (typeof entry === 'string' ? [] : nameOf(entry.default)))
  .filter((name) => name !== 'testing/index')
/** Nobody imports them: they have no declarations. */
const programs = Object.values(commands).map(nameOf)

/** The errors of `hasql-testing` are those of the `hasql` it is installed with. */
const besideHasql: Plugin = {
  name: 'beside-hasql',
  resolveId: (id) => (id === '../errors.js' || id === '../errors.ts' ? { id: 'hasql', external: true } : undefined),
}
const names = (files: readonly string[]): Record<string, string> =>
  Object.fromEntries(files.map((file) => [file, file]))

for (const folder of ['dist', `${TESTING}/dist`, MAPS, COMPILED]) rmSync(folder, { recursive: true, force: true })
node('typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', COMPILED, '--sourceMap')
await bundle('.', 'js', names([...libraries, ...programs]))
await bundle('.', 'd.ts', names(libraries))
await bundle(TESTING, 'js', { index: 'testing/index' })
await bundle(TESTING, 'd.ts', { index: 'testing/index' })
for (const ending of ['js', 'd.ts']) write(`dist/testing/index.${ending}`, `export * from 'hasql-testing'\n`)
copyFileSync('LICENSE', `${TESTING}/LICENSE`)
rmSync(COMPILED, { recursive: true })

/** Makes files of a folder's package of compiled modules, which are given by the name of the file. */
async function bundle(folder: string, ending: 'js' | 'd.ts', modules: Readonly<Record<string, string>>): Promise<void> {
  const bundled = await rollup({
    input: Object.fromEntries(
      Object.entries(modules).map(([file, name]) => [file, join(COMPILED, `${name}.${ending}`)]),
    ),
    plugins: [
      ...(folder === TESTING ? [besideHasql] : []),
      ...(ending === 'js' ? [compiled, packedPage, small] : [dts()]),
    ],
    external: (id) => !/^[./]/.test(id),
    onwarn: (warning) => {
      // That a type of an entry point is made of others that it does not export is so in the sources, too.
      if (!warning.message.includes('private shared type exports')) throw new Error(warning.message)
    },
  })
  const { output } = await bundled.generate({
    dir: `${folder}/dist`,
    entryFileNames: `[name].${ending}`,
    chunkFileNames: `chunks/[name].${ending}`,
    manualChunks: chunkOf,
    hoistTransitiveImports: false,
    sourcemap: ending === 'js' && 'hidden',
  })
  for (const file of output) await publish(`${folder}/dist/${file.fileName}`, file)
}

async function publish(path: string, file: OutputAsset | OutputChunk): Promise<void> {
  if (file.type === 'asset') write(join(MAPS, path), String(file.source))
  else write(path, path.endsWith('.d.ts') ? summarised(await format(file.code, LAYOUT)) : file.code)
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

/** Which chunk a module goes to that several entry points share: as few as keep a driver out of the others’ way. */
function chunkOf(id: string): string | undefined {
  const path = relative(COMPILED, id)
  if (/^cli\/(?:check|status|wait|watch)\./.test(path)) return 'commands'
  if (/^(?:cli|dashboard|testing|metrics\/(?:otel|prometheus))/.test(path)) return undefined
  // All of the driver that adapters use, and nothing that needs `pg`.
  if (/^drivers\/pg\/named-socket\./.test(path)) return 'core'
  if (/^(?:facade|drivers\/pg)\//.test(path)) return 'pg'
  if (/^integrations\/(?:pg|sql)\/|^integrations\/kysely\/(?:leases|session)\./.test(path)) return 'adapters'
  return /^(?:integrations|drivers)/.test(path) ? undefined : 'core'
}

function node(program: string, ...args: readonly string[]): void {
  execFileSync(process.execPath, [join('node_modules', program), ...args], { stdio: 'inherit' })
}
