import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { PgCluster } from '../../../src/testing/index.ts'
import { handDown, handedDown } from '../../../src/testing/hand-down.ts'

const VARIABLE = 'HASQL_TESTING_PREPARED'

/** The system identifiers of two clusters, one after the other, of a process that is started now. */
async function startElsewhere(options = ''): Promise<readonly string[]> {
  const program = `
    import { PgCluster } from './src/testing/index.ts'
    const systemIds = []
    for (let count = 0; count < 2; count += 1) {
      const cluster = await PgCluster.start({ replicas: 0 ${options} })
      const [row] = await cluster.nodes[0].query('select system_identifier::text as id from pg_control_system()')
      systemIds.push(row.id)
      await cluster.close()
    }
    console.log(JSON.stringify(systemIds))`
  const args = ['--import', 'tsx', '--input-type=module', '-e', program]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  return JSON.parse(stdout) as string[]
}

test('processes that are started share what was prepared, until it is closed', async () => {
  const before = process.env[VARIABLE]
  handDown(undefined)
  try {
    const prepared = await PgCluster.prepare()
    const folders = (process.env[VARIABLE] ?? '').split(/[\t\n]/).filter((each) => /^\/.*\/hasql-\w+\//.test(each))
    expect(folders.length).toBeGreaterThan(0)
    const [one, other] = [await startElsewhere(), await startElsewhere()]
    expect(new Set([...one, ...other]).size).toBe(1)
    // Clusters that want another role are not made of it.
    expect(await startElsewhere(", user: 'somebody'")).not.toContain(one[0])
    for (const folder of folders) expect(existsSync(folder)).toBe(true)
    const again = await PgCluster.prepare()
    await prepared.close()
    for (const folder of folders) expect(process.env[VARIABLE]).toContain(folder)
    expect(again.close()).toBe(again.close())
    await again.close()
    expect(process.env[VARIABLE]).toBeUndefined()
    for (const folder of folders) expect(existsSync(dirname(folder))).toBe(false)
    expect(await startElsewhere()).not.toContain(one[0])
  } finally {
    if (before !== undefined) process.env[VARIABLE] = before
  }
})

test('what another user prepared, or what is gone, is not used', () => {
  const before = process.env[VARIABLE]
  try {
    const folders = new Map([
      ['here', import.meta.dirname],
      ['gone', '/nowhere/at/all'],
    ])
    handDown({ serverUid: 7, folders })
    const found = (uid: number): readonly unknown[] => ['here', 'gone', 'other'].map((name) => handedDown(name, uid))
    expect(found(7)).toEqual([import.meta.dirname, undefined, undefined])
    expect(found(8)).toEqual([undefined, undefined, undefined])
    handDown(undefined)
    expect(found(7)).toEqual([undefined, undefined, undefined])
  } finally {
    if (before !== undefined) process.env[VARIABLE] = before
  }
})

test('an option that makes no sense is refused', async () => {
  await expect(PgCluster.prepare({ replicas: -1 })).rejects.toThrow('replicas must be a whole number')
})
