import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import type { ViteUserConfig } from 'vitest/config'

const source = (path: string): string => fileURLToPath(new URL(`src/${path}`, import.meta.url))

/** What needs no real server, and so may run side by side. */
const fast = ['test/unit/**/*.test.ts', 'test/spec/**/*.test.ts', 'test/conformance/**/*.test.ts', 'test/*.test.ts']

const prepared = 'test/support/prepare-clusters.ts'
const seeds = 'test/simulation/simulation.test.ts'
const bounds = 'test/chaos/bounds.test.ts'

// Groups run one after another. What only computes has a file for each core; the integration tests mostly wait, so three of
// them run at once. What is measured in milliseconds has the machine to itself.
const config: ViteUserConfig = defineConfig({
  resolve: {
    alias: [
      { find: /^hasql$/, replacement: source('index.ts') },
      { find: /^hasql\/dashboard$/, replacement: source('dashboard/index.ts') },
      { find: /^hasql\/testing$/, replacement: source('testing/index.ts') },
      { find: /^hasql\/(pg|pg-native|postgres)$/, replacement: source('drivers/$1.ts') },
      { find: /^hasql\/(otel|prometheus)$/, replacement: source('metrics/$1.ts') },
      { find: /^hasql\/([a-z-]+)$/, replacement: source('integrations/$1.ts') },
    ],
  },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: fast,
          testTimeout: 20_000,
          maxWorkers: '100%',
          isolate: false,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'types',
          include: [],
          typecheck: { enabled: true, only: true, include: ['test/types/**/*.test-d.ts'] },
          maxWorkers: '100%',
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'simulation',
          include: ['test/simulation/**/*.test.ts'],
          exclude: [seeds],
          testTimeout: 120_000,
          maxWorkers: '100%',
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          globalSetup: prepared,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: 3,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: { name: 'seeds', include: [seeds], testTimeout: 120_000, maxWorkers: 2, sequence: { groupOrder: 3 } },
      },
      {
        extends: true,
        test: {
          name: 'chaos',
          include: ['test/chaos/**/*.test.ts'],
          exclude: [bounds],
          globalSetup: prepared,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          maxWorkers: 1,
          sequence: { groupOrder: 4 },
        },
      },
      {
        extends: true,
        test: {
          name: 'bounds',
          include: [bounds],
          globalSetup: prepared,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          maxWorkers: 1,
          sequence: { groupOrder: 5 },
        },
      },
    ],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      // The first need a newer Node than the oldest one that hasql runs on: `npm run test:integrations` brings its own, and covers
      // them. The last needs libpq: `npm run test:native` covers it.
      exclude: [
        'src/integrations/{kysely,drizzle,mikro-orm,slonik}.ts',
        'src/integrations/{kysely,drizzle,mikro-orm,slonik}/**',
        'src/drivers/pg-native{.ts,/**}',
      ],
      reporter: ['text-summary', 'text', 'json-summary'],
      thresholds: { lines: 95, branches: 90 },
    },
  },
})

export default config
