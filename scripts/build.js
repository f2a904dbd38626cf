// Builds what is published: for each entry point one module and one declaration file, and chunks of what several of them share, so
// that a class is the same one wherever it is imported from. Names of functions and classes stay, for stack traces; the rest is made
// small.
import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import { brotliCompressSync } from 'node:zlib'
import { rollup } from 'rollup'
import { dts } from 'rollup-plugin-dts'
import { minify } from 'terser'

const COMPILED = 'build'

/** @type {import('terser').MinifyOptions} */
const SMALL = {
  module: true,
  ecma: 2020,
  keep_fnames: true,
  keep_classnames: true,
  // One statement stays one, so that a line and a column still mean something.
  compress: { passes: 2, inline: 1, reduce_funcs: false, sequences: false },
  format: { max_line_len: 160 },
}

const { exports: entries, bin: commands } = JSON.parse(readFileSync('package.json', 'utf8'))
/** Of a published module its path below `src` and `dist`, without an ending. @param {string} file */
const nameOf = (file) => file.replace(/^\.\/dist\/(.+)\.js$/, '$1')
const libraries = Object.values(entries)
  .filter((entry) => typeof entry === 'object')
  .map(({ default: file }) => nameOf(file))
/** Nobody imports them: they have no declarations. */
const programs = Object.values(commands).map(nameOf)

for (const folder of ['dist', COMPILED]) rmSync(folder, { recursive: true, force: true })
node('typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', COMPILED)
await bundle('js', [...libraries, ...programs], 'chunks/[name].js', [
  { name: 'page', transform: (code, id) => (id.endsWith('/dashboard/page.js') ? packed(code) : undefined) },
  { name: 'terser', renderChunk: async (code) => (await minify(code, SMALL)).code ?? '' },
])
await bundle('d.ts', libraries, 'chunks/[name].d.ts', [dts()])
rmSync(COMPILED, { recursive: true })
node(
  'prettier/bin/prettier.cjs',
  ...['--config', 'scripts/dist.prettierrc.json', '--ignore-path', 'none'],
  ...['--log-level', 'warn', '--write', 'dist/**/*.d.ts'],
)

/** The dashboard’s page in less than half the room; to unpack it takes less than a millisecond. @param {string} code */
function packed(code) {
  const [literal] = /(?<=\bPAGE = )'(?:[^'\\]|\\.)*'/.exec(code) ?? []
  if (literal === undefined) throw new Error('The dashboard has no page')
  const page = runInNewContext(literal)
  const bytes = brotliCompressSync(page).toString('base64')
  const unpacking = `brotliDecompressSync(Buffer.from('${bytes}', 'base64')).toString()`
  return `import { brotliDecompressSync } from 'node:zlib'\n${code.replace(literal, () => unpacking)}`
}

async function bundle(ending, names, chunkFileNames, plugins) {
  const bundled = await rollup({
    input: Object.fromEntries(names.map((name) => [name, join(COMPILED, `${name}.${ending}`)])),
    plugins,
    external: (id) => !/^(?:[./]|build)/.test(id),
    onwarn: (warning) => {
      // That a type of an entry point is made of others that it does not export is so in the sources, too.
      if (!warning.message.includes('private shared type exports')) throw new Error(warning.message)
    },
  })
  await bundled.write({ dir: 'dist', entryFileNames: `[name].${ending}`, chunkFileNames })
}

/** @param {string} program @param {string[]} args */
function node(program, ...args) {
  execFileSync(process.execPath, [join('node_modules', program), ...args], { stdio: 'inherit' })
}
