import { defineConfig } from 'vitest/config'
import type { ViteUserConfig } from 'vitest/config'
import { BUILT } from './aliases.ts'

// The integration tests once more, on what is published instead of the sources: `npm run test:built`.
const config: ViteUserConfig = defineConfig({
  resolve: { alias: [...BUILT] },
  test: {
    include: ['test/integration/**/*.test.ts'],
    globalSetup: 'test/support/prepare-clusters.ts',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 3,
  },
})

export default config
