import { Logger, run } from 'graphile-worker'
import { PgBoss } from 'pg-boss'
import { expect } from 'vitest'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import { eventually } from '../../support/eventually.ts'
import { recipe, untilDone } from './scene.ts'

forbidEscapedErrors()

recipe('pg-boss', async ({ db, setUp, failOver }) => {
  await setUp('grant create on database app to public')
  const executeSql = (text: string, values?: unknown[]) => db.masterPool.query(text, values)
  const boss = new PgBoss({ db: { executeSql } })
  const errors: unknown[] = []
  boss.on('error', (error) => errors.push(error))
  await boss.start()
  await boss.createQueue('mail')
  const done: unknown[] = []
  await boss.work('mail', { pollingIntervalSeconds: 0.5 }, async ([job]) => void done.push(job?.data))
  await boss.send('mail', { to: 'one' })
  await eventually('the first job is done', () => done.length === 1)
  await failOver()
  await untilDone(() => boss.send('mail', { to: 'two' }))
  await eventually('the second job is done', () => done.length === 2, 10_000)
  expect(done).toEqual([{ to: 'one' }, { to: 'two' }])
  await boss.stop({ graceful: false })
})

recipe('graphile-worker', async ({ db, setUp, failOver }) => {
  await setUp('grant create on database app to public')
  const done: unknown[] = []
  const listening: string[] = []
  const runner = await run({
    pgPool: db.masterPool,
    logger: new Logger(() => () => undefined),
    noHandleSignals: true,
    // Only the listener can be in time for what is expected here.
    pollInterval: 60_000,
    taskList: { mail: async (payload) => void done.push(payload) },
  })
  runner.events.on('pool:listen:success', () => listening.push('listens'))
  runner.events.on('pool:listen:error', () => listening.push('lost'))
  await runner.addJob('mail', { to: 'one' })
  await eventually('the first job is done', () => done.length === 1)
  await failOver()
  await eventually('it listens to the new master', () => listening.at(-1) === 'listens' && listening.includes('lost'))
  await untilDone(() => runner.addJob('mail', { to: 'two' }))
  await eventually('the second job is done', () => done.length === 2, 5_000)
  expect(done).toEqual([{ to: 'one' }, { to: 'two' }])
  await runner.stop()
})
