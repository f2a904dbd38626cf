import { existsSync } from 'node:fs'
import type { BasePoolManager } from 'hasql'
import { PoolManager as PgManager } from 'hasql/pg'
import { PoolManager as PostgresManager } from 'hasql/postgres'
import { Application } from './application.ts'
import type { Clients } from './scenario.ts'
import type { DriverName } from './stack.ts'

/** A manager of whichever driver: what does not touch its connections. */
export type AnyManager = Pick<
  BasePoolManager<unknown, unknown>,
  'topology' | 'on' | 'metrics' | 'dsn' | 'ready' | 'acceptMaster' | 'close' | 'terminate'
>

/** A manager, not started yet, and the application on it. */
export interface Opened {
  readonly db: AnyManager
  /** Puts the application to work. */
  readonly work: (clients: Clients) => Application
}

/** Opens a manager on a driver, with options for it. */
export async function openManager(
  driver: DriverName,
  dsn: string,
  options: Readonly<Record<string, unknown>>,
): Promise<Opened> {
  switch (driver) {
    case 'pg': {
      const db = new PgManager(dsn, options)
      return {
        db,
        work: (clients) =>
          Application.start(
            db,
            async (client, text, values) => (await client.query<object>(text, [...values])).rows,
            clients,
          ),
      }
    }
    case 'postgres': {
      const { poolOptions } = options
      // It prints notices unless it is told not to.
      const quiet = { onnotice: () => undefined, ...(typeof poolOptions === 'object' ? poolOptions : {}) }
      const db = new PostgresManager(dsn, { ...options, poolOptions: quiet })
      return {
        db,
        work: (clients) =>
          Application.start(db, async (sql, text, values) => sql.unsafe(text, values.map(parameter)), clients),
      }
    }
    case 'pg-native': {
      const { PoolManager } = await import('hasql/pg-native')
      const db = new PoolManager(dsn, options)
      return {
        db,
        work: (clients) =>
          Application.start(
            db,
            async (client, text, values) => (await client.query<object>(text, [...values])).rows,
            clients,
          ),
      }
    }
  }
}

/** pg-native is compiled, and so not there for everybody. */
export function hasNative(): boolean {
  return existsSync(new URL('../../../node_modules/pg-native', import.meta.url))
}

function parameter(value: unknown): string | number {
  return typeof value === 'number' ? value : String(value)
}
