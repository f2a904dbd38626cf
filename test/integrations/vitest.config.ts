import { defineConfig } from 'vitest/config'
import type { ViteUserConfig } from 'vitest/config'
import source from '../../vitest.config.ts'

const config: ViteUserConfig = defineConfig({
  ...(source.resolve === undefined ? {} : { resolve: source.resolve }),
  test: {
    root: import.meta.dirname,
    include: ['**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    fileParallelism: false,
  },
})

export default config
