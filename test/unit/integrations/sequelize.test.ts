import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { sequelizeOptions, sequelize7Options } from 'hasql/sequelize'
import { FakeManager } from '../../support/fake/fake-pg-client.ts'
import type { FakePgClient } from '../../support/fake/fake-pg-client.ts'
import { toError } from '../../../src/to-error.ts'
import { rejection } from '../../support/eventually.ts'
import { untyped } from '../../support/untyped.ts'

/** What Sequelize sees of a client. */
interface Client extends EventEmitter {
  _invalid: boolean
  readonly _ending: boolean
  connect(callback?: (error: unknown) => void): Promise<void> | undefined
  query(...args: unknown[]): unknown
  end(callback?: (error: unknown) => void): Promise<void> | undefined
}

const types = { getTypeParser: () => String }
const pg = { Client: EventEmitter, types, defaults: {} }
const SETTINGS = "SET client_min_messages TO warning;SET TIME ZONE INTERVAL '+00:00' HOUR TO MINUTE;"
const TYPES = 'WITH ranges AS (  SELECT pg_range.rngtypid, pg_type.typname'

/** A client as Sequelize makes one, not connected yet. */
function clientOf(db: FakeManager, role: 'write' | 'read' = 'write'): () => Client {
  const { pgModule, replication } = sequelize7Options(db, pg)
  const Client = pgModule.Client as unknown as new (config: object) => Client
  const { host } = role === 'write' ? replication.write : (replication.read[0] ?? { host: '' })
  return () => new Client({ host, types })
}

async function connected(make: () => Client): Promise<Client> {
  const client = make()
  const error = await new Promise<unknown>((resolve) => void client.connect(resolve))
  if (error !== undefined) throw toError(error)
  return client
}

test('the options hold nothing, and everything of pg but its clients', () => {
  const db = new FakeManager()
  const { dialectModule, ...options } = sequelizeOptions(db, pg)
  expect(options).toEqual({
    dialect: 'postgres',
    database: 'app',
    replication: {
      write: { host: 'hasql-master', database: 'app' },
      read: [{ host: 'hasql-replica', database: 'app' }],
    },
    pool: { max: 6, min: 0, maxUses: 1, idle: 50, evict: 50 },
  })
  expect(Reflect.get(dialectModule, 'types')).toBe(types)
  expect(Reflect.get(dialectModule, 'Client')).not.toBe(pg.Client)
})

test('a client is a lease from connect to end', async () => {
  const db = new FakeManager()
  const make = clientOf(db)
  const [first, second] = [await connected(make), make()]
  await second.connect()
  expect(await first.query('select 1', [1])).toMatchObject({ rows: [{ host: 'm' }] })
  const called = new Promise((resolve) =>
    first.query('select 2', (error: unknown, result: unknown) => resolve([error, result])),
  )
  expect(await called).toMatchObject([undefined, { rows: [{ host: 'm' }] }])
  await new Promise<void>((resolve) => void first.end(() => resolve()))
  second._invalid = true
  await second.end()
  expect(db.master.released).toEqual([false, true])
  expect([first._ending, first._invalid]).toEqual([true, true])
  expect(await rejection(first.query('select 3') as Promise<unknown>)).toMatchObject({
    message: 'The connection was given back',
  })
})

test('what is no text goes to the leased client as it is', async () => {
  const db = new FakeManager()
  const client = await connected(clientOf(db, 'read'))
  expect(await client.query({ text: 'select 4' })).toMatchObject({ rows: [{ host: 'r' }] })
  expect(db.replica.asked).toEqual(['select 4'])
})

test('it is invalid when its connection or the role of its host is lost', async () => {
  const db = new FakeManager()
  const [writer, reader] = [await connected(clientOf(db)), await connected(clientOf(db, 'read'))]
  expect([writer._invalid, reader._invalid]).toEqual([false, false])
  db.hasReplicas = false
  expect([writer._invalid, reader._invalid]).toEqual([false, true])
  db.master.emit('error', new Error('lost'))
  expect(writer._invalid).toBe(true)
  await writer.end()
  expect(db.master.released).toEqual([true])
})

test('notices and notifications are passed on while the lease lasts', async () => {
  const db = new FakeManager()
  const client = await connected(clientOf(db))
  const heard: unknown[] = []
  for (const event of ['notice', 'notification']) client.on(event, (message) => heard.push(message))
  db.master.emit('notice', 'n')
  db.master.emit('notification', 'm')
  await client.end()
  db.master.emit('notice', 'late')
  expect(heard).toEqual(['n', 'm'])
  expect(listeners(db.master)).toBe(0)
})

test('a lease that comes after the end goes back, and a refusal is passed on', async () => {
  const db = new FakeManager()
  const client = clientOf(db)()
  const connecting = rejection(Promise.resolve(client.connect()))
  await client.end()
  expect(await connecting).toMatchObject({ message: 'The connection was ended before it was made' })
  expect(db.master.released).toEqual([false])
  db.refusal = new Error('no host')
  expect(await rejection(connected(clientOf(db)))).toBe(db.refusal)
})

test('what sets a connection up is said to it once, and again after somebody changed it', async () => {
  const db = new FakeManager()
  const make = clientOf(db)
  const setUp = async (): Promise<void> => {
    const client = await connected(make)
    await client.query(SETTINGS)
    expect(await client.query(TYPES)).toMatchObject({ rows: [{ host: 'm' }] })
    await client.end()
  }
  await setUp()
  await setUp()
  expect(db.master.asked).toEqual([SETTINGS, TYPES])
  db.master.connection.emit('parameterStatus')
  await setUp()
  expect(db.master.asked).toEqual([SETTINGS, TYPES, SETTINGS])
})

test('the types that were asked for last are known to every connection', async () => {
  let version = 0
  const db = new FakeManager(() => ({ rows: [{ version: (version += 1) }] }))
  const make = clientOf(db)
  const first = await connected(make)
  expect(await first.query(TYPES)).toMatchObject({ rows: [{ version: 1 }] })
  // Sequelize has made a type, and asks anew as for any query.
  await new Promise((resolve) => first.query(TYPES, resolve))
  const second = await connected(make)
  expect(await second.query(TYPES)).toMatchObject({ rows: [{ version: 2 }] })
})

test('a statement of the user is never answered for the server', async () => {
  const db = new FakeManager()
  const client = await connected(clientOf(db))
  for (const text of [SETTINGS, `${SETTINGS}select 1`, 'SET LOCAL lock_timeout = 1;']) {
    for (let round = 0; round < 2; round += 1) await new Promise((resolve) => client.query(text, resolve))
  }
  expect(db.master.asked.length).toBe(6)
})

test('a connection that cannot be set up is closed', async () => {
  const db = new FakeManager(() => new Error('no such setting'))
  const client = await connected(clientOf(db))
  expect(await rejection(client.query(SETTINGS) as Promise<unknown>)).toMatchObject({ message: 'no such setting' })
  expect(db.master.released).toEqual([true])
})

test('nonsense is refused', () => {
  const db = new FakeManager()
  const refused = (make: () => unknown, option: string): void =>
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_HASQL_OPTIONS', option }) as Error)
  refused(() => sequelizeOptions(untyped({}), pg), 'db')
  refused(() => sequelizeOptions(db, untyped({ types })), 'pg')
  const { Client } = sequelize7Options(db, pg).pgModule
  refused(() => Reflect.construct(Client, [{ host: 'db1' }]), 'replication')
})

const listeners = (client: FakePgClient): number =>
  client.eventNames().reduce((sum, event) => sum + client.listenerCount(event), 0)
