import { resolve } from 'node:path'
import { configDefaults, defineConfig } from 'vitest/config'
import type { ViteUserConfig } from 'vitest/config'
import source from '../../vitest.config.ts'
import { BUILT } from '../built/aliases.ts'

/** Of the Kysely before, which the oldest Node can run, too. */
const OLD_KYSELY = 'test/integrations/kysely-0.28.test.ts'
const LIMITS = { testTimeout: 60_000, hookTimeout: 60_000, fileParallelism: false }

/** Whether the entry points are what was built; unit tests are of the sources. */
const isBuilt = process.env['HASQL_BUILT'] !== undefined

const config: ViteUserConfig = defineConfig({
  resolve: isBuilt ? { alias: [...BUILT] } : { ...source.resolve },
  test: {
    root: resolve(import.meta.dirname, '../..'),
    fileParallelism: false,
    projects: [
      {
        extends: true,
        test: {
          ...LIMITS,
          name: 'integrations',
          include: ['test/integrations/**/*.test.ts', ...(isBuilt ? [] : ['test/unit/integrations/**/*.test.ts'])],
          exclude: [...configDefaults.exclude, OLD_KYSELY],
        },
      },
      {
        extends: true,
        resolve: { alias: [{ find: /^kysely$/, replacement: 'kysely-0.28' }] },
        test: { ...LIMITS, name: 'kysely-0.28', include: [OLD_KYSELY] },
      },
    ],
    coverage: {
      provider: 'v8',
      include: ['src/integrations/**'],
      reporter: ['text'],
      thresholds: { lines: 95, branches: 90 },
    },
  },
})

export default config
