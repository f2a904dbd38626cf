import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { importsOf, reachableFrom, sourceFiles } from './support/import-graph.ts'

const files = sourceFiles()

/** The part of the library a file belongs to: its folder, or a file of its own. */
function partOf(file: string): string {
  const [folder = '', ...rest] = file.replace(/^src\//, '').split('/')
  return rest.length === 0 ? folder.replace(/\.ts$/, '') : folder
}

/** What everybody may use: errors, and what errors are made of. */
const ERRORS = ['errors', 'host-fault', 'to-error']
const TIME = ['time', 'random']
const TOPOLOGY = ['topology', 'dsn']
const CORE = ['network', 'topology', 'monitor', 'selection', 'pool', 'balancer', 'driver', 'metrics', 'dsn']

/** Who may import whom. Everybody may import its own folder. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  'host-fault': [],
  'to-error': [],
  time: [],
  random: [],
  dsn: ERRORS,
  network: [...ERRORS, 'time', 'dsn'],
  topology: [...ERRORS, 'dsn', 'time'],
  selection: [...TIME, ...TOPOLOGY],
  balancer: [...TIME, ...TOPOLOGY],
  driver: [...ERRORS, 'dsn', 'time', 'network'],
  monitor: [...ERRORS, ...TIME, ...TOPOLOGY, 'driver', 'network'],
  pool: [...ERRORS, ...TIME, ...TOPOLOGY, 'driver', 'metrics'],
  metrics: [...ERRORS, ...TIME, ...TOPOLOGY],
  manager: [...ERRORS, ...TIME, ...CORE],
  index: [...ERRORS, ...TIME, ...CORE, 'manager'],
  drivers: ['index', ...ERRORS, ...TIME, ...CORE, 'manager', 'facade'],
  facade: ['index', ...ERRORS, ...TIME, ...CORE, 'manager'],
  integrations: ['index', ...ERRORS, ...TIME, ...CORE, 'manager', 'facade', 'drivers'],
  dashboard: [...ERRORS, ...TIME, ...TOPOLOGY, 'metrics', 'manager'],
  cli: ['index', ...ERRORS, ...TIME, ...CORE, 'manager', 'drivers'],
  testing: ERRORS,
}

/** Files that are published on their own and stand on an optional package. */
const OPTIONAL_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  testing: ['pg'],
}

describe('who may import whom', () => {
  test.each(files)('%s', (file) => {
    const part = partOf(file)
    const allowed = MAY_IMPORT[part] ?? []
    expect(Object.keys(MAY_IMPORT), `a place for ${part} in the layout`).toContain(part)
    const forbidden = importsOf(file)
      .filter((each) => each.file !== undefined)
      .map((each) => partOf(each.file ?? ''))
      .filter((each) => each !== part && !allowed.includes(each))
    expect(forbidden).toEqual([])
  })

  test('the topology needs no code of another part, only types', () => {
    const values = files.filter((file) => partOf(file) === 'topology').flatMap((file) => importsOf(file, 'values'))
    expect(values.map(({ file }) => partOf(file ?? '')).filter((part) => part !== 'topology')).toEqual([])
  })

  test('there is no cycle', () => {
    for (const file of files) {
      const others = importsOf(file, 'values').flatMap((each) => (each.file === undefined ? [] : [each.file]))
      for (const other of others)
        expect(reachableFrom(other, 'values').files, `${file} -> ${other}`).not.toContain(file)
    }
  })
})

describe('packages', () => {
  test('the graph is read: the core is most of the library', () => {
    const { files: core } = reachableFrom('src/index.ts', 'all')
    expect(core).toContain('src/time/system-clock.ts')
    expect(core.length).toBeGreaterThan(80)
  })

  test('a driver or an integration imports no package but its own', () => {
    const outer = files.filter((file) => ['drivers', 'integrations'].includes(partOf(file)))
    for (const file of outer) {
      const own = /^src\/\w+\/([\w-]+)/.exec(file)?.[1] ?? ''
      const packages = importsOf(file).filter((each) => each.file === undefined && !each.name.startsWith('node:'))
      const foreign = packages
        .map(({ name }) => name.replace('@', ''))
        .filter((name) => !own.startsWith(name) && !name.startsWith(own))
      expect(foreign, file).toEqual([])
    }
  })

  test('nothing is a dependency at run time', () => {
    const manifest: unknown = JSON.parse(readFileSync('package.json', 'utf8'))
    expect(manifest).not.toHaveProperty('dependencies')
    expect(manifest).not.toHaveProperty('optionalDependencies')
    const { peerDependencies, peerDependenciesMeta } = manifest as Record<string, Record<string, unknown>>
    const optional = Object.fromEntries(Object.keys(peerDependencies ?? {}).map((name) => [name, { optional: true }]))
    expect(peerDependenciesMeta).toEqual(optional)
  })

  test('the core reaches no package at all', () => {
    expect(reachableFrom('src/index.ts', 'all').packages).toEqual([])
  })

  test('of what measures, hasql/otel alone reaches a package', () => {
    const users = files.filter((file) => partOf(file) === 'metrics' && reachableFrom(file, 'all').packages.length > 0)
    expect(users.every((file) => file.startsWith('src/metrics/otel'))).toBe(true)
    expect(reachableFrom('src/metrics/otel.ts', 'all').packages).toEqual(['@opentelemetry/api'])
  })

  test('hasql/pg reaches pg alone', () => {
    expect(reachableFrom('src/drivers/pg.ts', 'values').packages).toEqual(['pg'])
  })

  test('hasql/pg-native reaches pg, which finds pg-native by itself', () => {
    expect(reachableFrom('src/drivers/pg-native.ts', 'values').packages).toEqual(['pg'])
    expect(reachableFrom('src/drivers/pg.ts', 'values').files.filter((file) => file.includes('pg-native'))).toEqual([])
  })

  test('hasql/postgres reaches postgres alone', () => {
    expect(reachableFrom('src/drivers/postgres.ts', 'values').packages).toEqual(['postgres'])
  })

  test('the test clusters reach node’s own modules, and packages they find for themselves', () => {
    const { packages } = reachableFrom('src/testing/index.ts', 'values')
    expect(packages.filter((name) => !(OPTIONAL_PACKAGES.testing ?? []).includes(name))).toEqual([])
  })

  test('the core uses node’s own modules only to read a connection string, to ask the resolver, and to tell diagnostics channels', () => {
    const users = files.filter(
      (file) => CORE.includes(partOf(file)) && importsOf(file).some(({ name }) => name.startsWith('node:')),
    )
    const others = users.filter((file) => partOf(file) !== 'dsn')
    expect(others).toEqual(['src/metrics/channels.ts', 'src/network/system-lookup.ts'])
  })
})

describe('size and style', () => {
  const lengths = files
    .map((file) => readFileSync(file, 'utf8').split('\n').length - 1)
    .sort((one, other) => one - other)
  const at = (share: number): number => lengths[Math.floor(lengths.length * share)] ?? 0

  test('half of the files have at most 90 lines, nine of ten at most 180, none more than 400', () => {
    expect(at(0.5)).toBeLessThanOrEqual(90)
    expect(at(0.9)).toBeLessThanOrEqual(180)
    expect(lengths.at(-1)).toBeLessThanOrEqual(400)
  })

  test.each([
    ['the clock', /\b(?:Date|performance|set(?:Timeout|Interval|Immediate)|clear(?:Timeout|Interval|Immediate))\b/],
    ['the dice', /Math\s*\.\s*random/],
    ['a microtask of its own', /\bqueueMicrotask\b/],
  ])('%s is touched in the system files only', (_what, touch) => {
    // The page's code runs in the browser.
    const system = ['src/time/system-clock.ts', 'src/random/system-random.ts', 'src/dashboard/page.ts']
    const users = files
      .filter((file) => !system.includes(file) && !['testing', 'cli'].includes(partOf(file)))
      .filter((file) => touch.test(withoutComments(readFileSync(file, 'utf8'))))
    expect(users).toEqual([])
  })
})

/** Comments and texts may speak of what code must not touch. */
function withoutComments(source: string): string {
  return source
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/^\s*\/\/.*$/gm, '')
    .replaceAll(/'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g, "''")
}
