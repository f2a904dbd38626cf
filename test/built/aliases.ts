import { resolve } from 'node:path'

const built = (path: string): string => resolve(import.meta.dirname, '../..', path)

/** The entry points as `npm run build` made them, in place of the sources. */
export const BUILT: readonly { readonly find: RegExp; readonly replacement: string }[] = [
  { find: /^hasql$/, replacement: built('dist/index.js') },
  { find: /^hasql\/dashboard$/, replacement: built('dist/dashboard/index.js') },
  { find: /^hasql[/-]testing$/, replacement: built('packages/testing/dist/index.js') },
  { find: /^hasql\/(pg|pg-native|postgres)$/, replacement: built('dist/drivers/$1.js') },
  { find: /^hasql\/(otel|prometheus)$/, replacement: built('dist/metrics/$1.js') },
  { find: /^hasql\/([a-z-]+)$/, replacement: built('dist/integrations/$1.js') },
]
