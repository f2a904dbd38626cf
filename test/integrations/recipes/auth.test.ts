import { DrizzleAdapter } from '@auth/drizzle-adapter'
import { KyselyAdapter } from '@auth/kysely-adapter'
import PostgresAdapter from '@auth/pg-adapter'
import type { Adapter } from '@auth/core/adapters'
import { drizzle } from 'drizzle-orm/node-postgres'
import { Kysely, PostgresDialect } from 'kysely'
import { expect } from 'vitest'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import { expectAtMostOne, recipe, untilDone } from './scene.ts'
import type { Scene } from './scene.ts'

forbidEscapedErrors()

/** Signs somebody in, before the failover and after it. */
async function signIn(adapter: Adapter, { failOver }: Scene): Promise<void> {
  const { createUser, createSession, getSessionAndUser } = adapter
  const expires = new Date('2100-01-01T00:00:00Z')
  const user = await createUser?.({
    id: crypto.randomUUID(),
    email: 'one@example.org',
    emailVerified: null,
    name: 'One',
  })
  if (user === undefined) throw new Error('The adapter made no user')
  const userOf = async (sessionToken: string): Promise<unknown> => (await getSessionAndUser?.(sessionToken))?.user.email
  await createSession?.({ sessionToken: 'first', userId: user.id, expires })
  expect(await userOf('first')).toBe('one@example.org')
  await failOver()
  expectAtMostOne(await untilDone(async () => createSession?.({ sessionToken: 'second', userId: user.id, expires })))
  expect([await userOf('first'), await userOf('second')]).toEqual(['one@example.org', 'one@example.org'])
}

recipe('@auth/pg-adapter', async (scene) => {
  await scene.setUp(`create table users (id serial primary key, name text, email text, "emailVerified" timestamptz, image text);
    create table sessions (id serial primary key, "userId" int not null, expires timestamptz not null, "sessionToken" text not null)`)
  await signIn(PostgresAdapter(scene.db.masterPool as never), scene)
})

recipe('@auth/drizzle-adapter', async (scene) => {
  await scene.setUp(`create table "user" (id text primary key, name text, email text unique, "emailVerified" timestamp, image text);
    create table session ("sessionToken" text primary key, "userId" text not null references "user", expires timestamp not null)`)
  await signIn(DrizzleAdapter(drizzle({ client: scene.db.masterPool })), scene)
})

recipe('@auth/kysely-adapter', async (scene) => {
  await scene.setUp(`create extension if not exists pgcrypto;
    create table "User" (id text primary key default gen_random_uuid(), name text, email text unique, "emailVerified" timestamptz, image text);
    create table "Session" (id text primary key default gen_random_uuid(), "userId" text not null references "User", "sessionToken" text not null, expires timestamptz not null)`)
  const kysely = new Kysely<never>({ dialect: new PostgresDialect({ pool: scene.db.masterPool }) })
  await signIn(KyselyAdapter(kysely as never), scene)
})
