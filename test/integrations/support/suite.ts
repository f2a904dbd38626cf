import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PgNode } from 'hasql/testing'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import { eventually, rejection } from '../../support/eventually.ts'
import type { Library } from './library.ts'
import { openStage } from './stage.ts'
import type { Stage } from './stage.ts'
import { faultTests } from './faults.ts'

/**
 * The tests of one library. The title of each is a column of the README's table, and the title of the whole is the row:
 * `name@version`.
 */
export function integrationSuite(library: Library): void {
  describe(`${library.name}@${versionOf(library)}`, () => {
    forbidEscapedErrors()
    describe('works', () => {
      let stage: Stage
      beforeAll(async () => {
        stage = await openStage(library)
      })
      afterAll(async () => {
        await stage.close()
      })
      test('reads split', () => readsSplit(stage))
      test('writes', () => writes(stage))
      test('transactions', () => transactions(stage))
      test.skipIf(library.lacks?.streaming !== undefined)('streaming', () => streaming(stage))
      test.skipIf(library.lacks?.cancel !== undefined)('cancel', () => cancels(stage))
    })
    faultTests(library)
  })
}

async function readsSplit({ subject, replicas }: Stage): Promise<void> {
  const ports = replicas.map(({ port }) => port)
  const seen = new Set<number>()
  await eventually('each replica is read from', async () => {
    const answered = await Promise.all(Array.from({ length: 8 }, () => subject.read()))
    for (const port of answered) seen.add(port)
    expect(ports).toEqual(expect.arrayContaining(answered))
    return seen.size === ports.length
  })
}

async function writes({ subject, master }: Stage): Promise<void> {
  expect(await subject.write(1)).toBe(master.port)
  expect(await idsOn(master)).toContain(1)
}

async function transactions({ subject, master }: Stage): Promise<void> {
  await subject.transaction(2)
  expect(await idsOn(master)).toEqual(expect.arrayContaining([2, -2]))
  expect(await rejection(subject.transaction(3, new Error('changed my mind')))).toMatchObject({
    message: 'changed my mind',
  })
  const ids = await idsOn(master)
  expect([ids.includes(3), ids.includes(-3)]).toEqual([false, false])
}

async function streaming({ subject }: Stage): Promise<void> {
  expect(await subject.stream?.()).toBe(1_000)
}

/** The statement ends at the server that runs it, and nowhere else. */
async function cancels({ subject, master }: Stage): Promise<void> {
  const running = async (): Promise<number> => {
    const [row] = await master.query<{ n: string }>(
      `select count(*) as n from pg_stat_activity where query like 'select pg_sleep(30)%' and state = 'active'`,
    )
    return Number(row?.n)
  }
  const controller = new AbortController()
  const cancelled = rejection(subject.cancel?.('select pg_sleep(30)', controller.signal) ?? Promise.resolve())
  await eventually('the statement runs', async () => (await running()) === 1)
  controller.abort()
  expect(await cancelled).toBeInstanceOf(Error)
  await eventually('the statement has ended', async () => (await running()) === 0, 2_000)
}

async function idsOn(node: PgNode): Promise<readonly number[]> {
  return (await node.query<{ id: number }>('select id from story')).map(({ id }) => id)
}

function versionOf({ package: name, from = import.meta.url }: Library): string {
  const [scope = '', rest = ''] = name.split('/')
  let folder = dirname(createRequire(from).resolve(name))
  const end = join('node_modules', scope, rest)
  while (!folder.endsWith(end) && folder !== dirname(folder)) folder = dirname(folder)
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }
  return version
}
