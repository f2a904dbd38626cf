import { defineConfig, mergeConfig } from 'vitest/config'
import type { ViteUserConfig } from 'vitest/config'
import shared from '../../vitest.config.ts'

// Needs a Chromium, which npm does not bring: a suite of its own, `npm run test:browser`.
const config: ViteUserConfig = defineConfig({
  resolve: mergeConfig({}, shared.resolve ?? {}),
  test: {
    include: ['test/browser/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 90_000,
    fileParallelism: false,
  },
})

export default config
