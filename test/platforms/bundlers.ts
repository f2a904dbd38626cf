import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { liveThroughFailover } from './failover-story.ts'
import { inApplicationFolder, installTools, tryAll } from './tools.ts'

/** `npm run test:bundlers`: an application that uses the packed library is bundled whole, with `pg` in it, and lives through a failover. */

const [ESBUILD, VITE_VERSION, WEBPACK_VERSION] = ['0.28.2', '8.3.8', '5.113.0']
const TOOLS = [`esbuild@${ESBUILD}`, `vite@${VITE_VERSION}`, `webpack@${WEBPACK_VERSION}`, 'webpack-cli@7.3.1']
/** `pg` asks for it, and does without it. */
const ABSENT = 'pg-native'

const VITE = `export default { ssr: { noExternal: true, external: ['${ABSENT}'] },
  build: { ssr: 'application.mjs', outDir: 'vite', target: 'node20', rollupOptions: { output: { entryFileNames: 'out.mjs' } } } }`

const WEBPACK = `export default { mode: 'production', target: 'node20', entry: './application.mjs', experiments: { outputModule: true },
  externals: { '${ABSENT}': 'node-commonjs ${ABSENT}' }, performance: { hints: false },
  output: { path: import.meta.dirname + '/webpack', filename: 'out.mjs', module: true, chunkFormat: 'module' } }`

const modules = installTools('bundlers', TOOLS)

await inApplicationFolder(async (folder) => {
  const node = (program: string, ...args: readonly string[]): void => {
    execFileSync(process.execPath, [join(modules, program), ...args], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
  }
  writeFileSync(join(folder, 'vite.config.mjs'), VITE)
  writeFileSync(join(folder, 'webpack.config.mjs'), WEBPACK)
  const run = (file: string): Promise<void> => liveThroughFailover(process.execPath, [file], folder)
  const banner = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)"
  const failed = await tryAll([
    [
      `esbuild ${ESBUILD}`,
      () => {
        const format = ['--format=esm', '--platform=node', '--target=node20', `--banner:js=${banner}`]
        const output = ['--outfile=esbuild/out.mjs', '--log-level=error', `--external:${ABSENT}`]
        execFileSync(
          join(modules, '.bin', 'esbuild'),
          ['application.mjs', '--bundle', '--minify', ...format, ...output],
          { cwd: folder },
        )
        return run('esbuild/out.mjs')
      },
    ],
    [
      `Vite (SSR) ${VITE_VERSION}`,
      () => {
        node('vite/bin/vite.js', 'build', '--logLevel', 'error')
        return run('vite/out.mjs')
      },
    ],
    [
      `webpack ${WEBPACK_VERSION}`,
      () => {
        node('webpack-cli/bin/cli.js', 'build')
        return run('webpack/out.mjs')
      },
    ],
  ])
  process.exitCode = failed === 0 ? 0 : 1
})
