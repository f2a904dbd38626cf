import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { liveThroughFailover } from './failover-story.ts'
import { inApplicationFolder, installTools, tryAll } from './tools.ts'

/** `npm run test:runtimes [-- node.js bun deno]`: the packed library lives through a failover on each runtime there is a package of. */

const system = process.platform === 'win32' ? 'win' : process.platform
const libc = process.platform === 'linux' ? '-glibc' : ''

interface Runtime {
  readonly name: string
  readonly package: string
  readonly version: string
  readonly binary: string
  readonly args: readonly string[]
}

const node = (version: string): Runtime => {
  const name = `node-${system}-${process.arch}`
  return { name: 'Node.js', package: name, version, binary: join(name, 'bin', 'node'), args: [] }
}
const bun = `@oven/bun-${process.platform}-${process.arch === 'arm64' ? 'aarch64' : process.arch}`
const deno = `@deno/${process.platform}-${process.arch}${libc}`

const RUNTIMES: readonly Runtime[] = [
  node('20.20.2'),
  node('22.23.3'),
  node('24.21.0'),
  node('26.10.0'),
  { name: 'Bun', package: bun, version: '1.4.5', binary: join(bun, 'bin', 'bun'), args: ['run'] },
  {
    name: 'Deno',
    package: deno,
    version: '2.9.6',
    binary: join(deno, 'deno'),
    args: ['run', '--allow-net', '--allow-env', '--allow-read', '--allow-sys', '--node-modules-dir=manual'],
  },
]

const wanted = process.argv.slice(2)
const chosen = RUNTIMES.filter(({ name }) => wanted.length === 0 || wanted.includes(name.toLowerCase()))
await inApplicationFolder(async (folder) => {
  const failed = await tryAll(
    chosen.map((runtime) => {
      const modules = installTools(`${runtime.name}-${runtime.version}`, [`${runtime.package}@${runtime.version}`])
      const command = join(modules, runtime.binary)
      const run = async (): Promise<void> => {
        execFileSync(command, [...runtime.args, 'entry-points.mjs'], {
          cwd: folder,
          stdio: ['ignore', 'ignore', 'pipe'],
        })
        await liveThroughFailover(command, [...runtime.args, 'application.mjs'], folder)
      }
      return [`${runtime.name} ${runtime.version}`, run]
    }),
  )
  process.exitCode = failed === 0 ? 0 : 1
})
