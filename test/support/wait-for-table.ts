import type { PgNode } from '../../src/testing/index.ts'
import { eventually } from './eventually.ts'

/** Waits until a table or view that was made on the master is on a replica, too. */
export async function waitForTable(replica: PgNode, name: string): Promise<void> {
  await eventually(`${replica.name} has ${name}`, async () => {
    const [row] = await replica.query<{ there: boolean }>('select to_regclass($1) is not null as there', [name])
    return row?.there === true
  })
}
