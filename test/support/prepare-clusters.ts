import { PgCluster } from '../../src/testing/index.ts'
import type { PgPreparation } from '../../src/testing/index.ts'

let prepared: PgPreparation | undefined

/** A global set-up: one `initdb` for all test files. */
export async function setup(): Promise<void> {
  prepared = await PgCluster.prepare()
}

export async function teardown(): Promise<void> {
  await prepared?.close()
}
