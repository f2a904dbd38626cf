import { EventEmitter } from 'node:events'
import {
  BackendTerminatedError,
  BackendTerminatedUnexpectedlyError,
  CheckExclusionConstraintViolationError,
  CheckIntegrityConstraintViolationError,
  ForeignKeyIntegrityConstraintViolationError,
  IdleTransactionTimeoutError,
  InputSyntaxError,
  InvalidInputError,
  NotNullIntegrityConstraintViolationError,
  StatementCancelledError,
  StatementTimeoutError,
  UniqueIntegrityConstraintViolationError,
} from 'slonik'
import { expect, test } from 'vitest'
import { AcquireTimeoutError, HostLostError } from 'hasql'
import { createHasqlPool } from 'hasql/slonik'
import { NamedParsers } from '../../../src/integrations/slonik/named-parsers.ts'
import { slonikError } from '../../../src/integrations/slonik/server-error.ts'
import { Slot } from '../../../src/integrations/slonik/slot.ts'
import { FakeManager, FakePgClient } from '../../support/fake/fake-pg-client.ts'
import type { Answer } from '../../support/fake/fake-pg-client.ts'
import { eventually, rejection } from '../../support/eventually.ts'
import { untyped } from '../../support/untyped.ts'

/** A client whose results have columns. */
class FakeSlonikClient extends FakePgClient {
  hangs = false

  override async query(statement: { text: string }): Promise<object> {
    const result = (await super.query(statement)) ?? {}
    if (this.hangs) await new Promise(() => undefined)
    return Object.assign(result, { fields: [{ name: 'host', dataTypeID: 25 }] })
  }
}

/** A slot, the client that it is leased, and what Slonik hears of it. */
function slotOn(answer?: Answer, lease?: Promise<void>) {
  const client = new FakeSlonikClient('m', answer)
  const [events, heard]: [EventEmitter, unknown[]] = [new EventEmitter(), []]
  for (const name of ['error', 'notice']) events.on(name, (what) => heard.push(what))
  const source = {
    lease: async () => {
      await lease
      return client
    },
  }
  const rules = { source, role: 'master', types: new NamedParsers([]), isReset: false }
  return { client, events, heard, slot: new Slot(untyped(rules), untyped(events)) }
}

const lost = (): HostLostError => new HostLostError('m:1', 'unknown', 'ended the connection')

test('settings of connections are refused with what to set instead, mistyped options with what was meant', async () => {
  const db = new FakeManager()
  const refusal = (options: unknown, manager: object = db): Promise<unknown> =>
    rejection(createHasqlPool(untyped(manager), untyped(options)))
  expect(await refusal({ maxPoolSize: 5 })).toMatchObject({
    code: 'ERR_HASQL_OPTIONS',
    option: 'maxPoolSize',
    message: 'With createHasqlPool, leave maxPoolSize out and set poolOptions: { max } of the pool manager',
  })
  expect(await refusal({ statementTimeout: 1 })).toMatchObject({
    message: expect.stringContaining('statement_timeout') as string,
  })
  expect(await refusal({ interceptor: [] })).toHaveProperty('message', expect.stringContaining('mean interceptors?'))
  expect(await refusal({ cursor: 'pg-cursor' })).toMatchObject({ option: 'cursor' })
  expect(await refusal(null)).toMatchObject({ code: 'ERR_HASQL_OPTIONS' })
  expect(await refusal({}, { masterPool: {} })).toMatchObject({ option: 'db' })
  expect(db.leases).toEqual([])
})

test('a pool is made without a connection, keeps Slonik’s settings, and shows no password', async () => {
  const db = new FakeManager()
  const pool = await createHasqlPool(untyped(db), { poolName: 'shop', queryRetryLimit: 0, maxLagMs: 5 })
  expect(pool.configuration).toMatchObject({ poolName: 'shop', queryRetryLimit: 0 })
  expect(pool.replica.configuration).toMatchObject({
    poolName: 'shop-replica',
    connectionUri: 'postgresql://hasql-replica',
  })
  expect(pool.configuration).not.toHaveProperty('maxLagMs')
  expect(db.leases).toEqual([])
  await pool.end()
})

test.each([
  ['22P02', InvalidInputError],
  ['23502', NotNullIntegrityConstraintViolationError],
  ['23503', ForeignKeyIntegrityConstraintViolationError],
  ['23505', UniqueIntegrityConstraintViolationError],
  ['23514', CheckIntegrityConstraintViolationError],
  ['23P01', CheckExclusionConstraintViolationError],
  ['25P03', IdleTransactionTimeoutError],
  ['42601', InputSyntaxError],
  ['57014', StatementTimeoutError],
  ['57P01', BackendTerminatedError],
])('%s of a server is one of Slonik’s errors, with its cause', (code, Expected) => {
  const cause = Object.assign(new Error('no'), { code })
  const error = slonikError(cause, 'select 1')
  expect(error).toBeInstanceOf(Expected)
  expect(error.cause).toBe(cause)
})

test('a cancelled statement, a lost host and all other errors are told apart', () => {
  const cancelled = Object.assign(new Error('canceling statement due to user request'), { code: '57014' })
  expect(slonikError(cancelled)).toBeInstanceOf(StatementCancelledError)
  expect(slonikError(lost())).toBeInstanceOf(BackendTerminatedUnexpectedlyError)
  expect(slonikError(lost())).toMatchObject({ cause: { outcome: 'unknown' } })
  const said = Object.assign(new Error('terminating connection'), { code: '57P01' })
  const ended = new HostLostError('m:1', 'unknown', 'ended the connection', { cause: said })
  expect(slonikError(ended)).toBeInstanceOf(BackendTerminatedError)
  const waited = new AcquireTimeoutError('pool-exhausted', 'Too long', [])
  expect(slonikError(waited)).toBe(waited)
  const unknown = Object.assign(new Error('relation'), { code: '42P01' })
  expect(slonikError(unknown)).toBe(unknown)
})

test('a slot keeps its lease until Slonik releases it, and hears of its client no longer than that', async () => {
  const { client, events, heard, slot } = slotOn()
  expect(await slot.query('select 1')).toMatchObject({
    rows: [{ host: 'm' }],
    fields: [{ name: 'host', dataTypeId: 25 }],
  })
  await slot.query('select 2')
  expect(client.released).toEqual([])
  client.emit('notice', { message: 'mind the gap' })
  client.emit('notice', {})
  client.emit('error', lost())
  expect(heard).toHaveLength(2)
  expect(heard[0]).toEqual({ message: 'mind the gap' })
  expect(heard[1]).toBeInstanceOf(BackendTerminatedUnexpectedlyError)
  events.emit('release')
  slot.end()
  expect(client.released).toEqual([false])
  expect(client.eventNames()).toEqual([])
})

test('a lease that comes after the end of its slot goes back unused', async () => {
  let arrive = (): void => undefined
  const lease = new Promise<void>((resolve) => (arrive = resolve))
  const { client, slot } = slotOn(undefined, lease)
  const asked = rejection(slot.query('select 1'))
  slot.end()
  arrive()
  expect(await asked).toMatchObject({ code: 'ERR_HASQL_UNKNOWN_CONNECTION' })
  expect([client.asked, client.released]).toEqual([[], [false]])
})

test('what a rollback fails with does not hide what failed before it, and the connection is closed', async () => {
  const { client, events, slot } = slotOn((text) => (text.startsWith('START') ? { rows: [] } : lost()))
  await slot.query('START TRANSACTION')
  expect(await rejection(slot.query('insert'))).toBeInstanceOf(BackendTerminatedUnexpectedlyError)
  expect(await slot.query('ROLLBACK')).toMatchObject({ command: 'ROLLBACK', rows: [] })
  events.emit('release')
  expect(client.released).toEqual([true])
  expect(await rejection(slot.query('ROLLBACK TO SAVEPOINT slonik_savepoint_1'))).toBeInstanceOf(Error)
})

test('a connection whose statement still runs is closed when it is given back', async () => {
  const { client, slot } = slotOn()
  client.hangs = true
  void slot.query('select pg_sleep(30)')
  await eventually('the statement was sent', () => client.asked.length === 1)
  slot.end()
  expect(client.released).toEqual([true])
})
