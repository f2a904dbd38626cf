import { resolve } from 'node:path'
import { defineConfig } from 'vitest/config'
import type { ViteUserConfig } from 'vitest/config'
import source from '../../vitest.config.ts'

const config: ViteUserConfig = defineConfig({
  ...(source.resolve === undefined ? {} : { resolve: source.resolve }),
  test: {
    root: resolve(import.meta.dirname, '../..'),
    include: ['test/native/*.test.ts', 'test/unit/drivers/pg-native/conninfo.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    fileParallelism: false,
    coverage: {
      provider: 'v8',
      include: ['src/drivers/pg-native/**', 'src/drivers/pg-native.ts'],
      reporter: ['text'],
      thresholds: { lines: 95, branches: 85 },
    },
  },
})

export default config
