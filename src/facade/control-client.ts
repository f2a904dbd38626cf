import type pg from 'pg'

type ClientClass = typeof pg.Client

/** Where a control client finds its servers. */
export interface ControlPlaces {
  /** How the host that has the role now is connected to. */
  roleHost(): pg.PoolOptions | undefined
  /** How the host is connected to on which a leased connection has this backend. */
  hostOfBackend(pid: number): pg.PoolOptions | undefined
}

/** A statement that signals one backend, by its number in the text or as the only parameter. */
const SIGNAL = /^\s*select\s+pg_(?:cancel|terminate)_backend\(\s*(?:(\d+)|\$1)\s*\)\s*;?\s*$/i

type AnyQuery = (this: pg.Client, statement: unknown, values?: unknown, callback?: unknown) => unknown
type Settled = (error: unknown, result?: unknown) => void

/**
 * The class that `pool.Client` is for a pool of a role. Libraries make one from `pool.options` to call off a statement that runs on
 * a connection of the pool, but a process number means nothing, or a stranger, on another host: such a statement is run on the host of
 * the connection that has the number, on a connection of its own. Anything else runs where the role is.
 */
export function controlClientClass(Client: ClientClass, places: ControlPlaces): ClientClass {
  class HasqlControlClient extends Client {
    constructor(config?: string | pg.ClientConfig) {
      super(configFor(config, places))
      // Nobody waits for it between its statements, and its loss is no reason for a process to end.
      this.on('error', () => undefined)
    }

    static {
      // A declared override would have to repeat all overloads of `pg`.
      Object.defineProperty(HasqlControlClient.prototype, 'query', {
        configurable: true,
        writable: true,
        value(this: HasqlControlClient, statement: unknown, values: unknown, callback: unknown): unknown {
          const pid = signalled(statement, values)
          const host = pid === undefined ? undefined : places.hostOfBackend(pid)
          if (host === undefined || (host.host === this.host && host.port === this.port)) {
            return queryOf(Client.prototype).call(this, statement, values, callback)
          }
          return settle(runAt(Client, host, textOf(statement) ?? '', pid), [values, callback].find(isSettled))
        },
      })
    }
  }
  return HasqlControlClient
}

/** Who makes a client from the options of the pool wants what the pool itself connects with, secrets included. */
function configFor(config: string | pg.ClientConfig | undefined, places: ControlPlaces): pg.ClientConfig {
  if (typeof config === 'string') return { connectionString: config }
  const host = places.roleHost()
  const isOther = host === undefined || (config?.host !== undefined && config.host !== host.host)
  return isOther || (config?.port !== undefined && config.port !== host.port) ? { ...config } : ofHost(host)
}

/** `pg.Pool` hides the password from enumeration, so a copy needs it by name. */
function ofHost(host: pg.PoolOptions): pg.ClientConfig {
  return { ...host, password: host.password }
}

async function runAt(
  Client: ClientClass,
  host: pg.PoolOptions,
  text: string,
  pid: number | undefined,
): Promise<unknown> {
  const client = new Client(ofHost(host))
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await client.query(text, text.includes('$1') ? [pid] : [])
  } finally {
    void client.end()
  }
}

function settle(done: Promise<unknown>, settled: Settled | undefined): Promise<unknown> | undefined {
  if (settled === undefined) return done
  done.then(
    (result) => process.nextTick(settled, null, result),
    (error: unknown) => process.nextTick(settled, error),
  )
  return undefined
}

/** The backend that a statement is to signal, if that is what it does. */
function signalled(statement: unknown, values: unknown): number | undefined {
  const found = SIGNAL.exec(textOf(statement) ?? '')
  if (found === null) return undefined
  const [pid] = found[1] === undefined ? listOf(values ?? valuesOf(statement)) : [found[1]]
  return Number.isInteger(Number(pid)) ? Number(pid) : undefined
}

function textOf(statement: unknown): string | undefined {
  if (typeof statement === 'string') return statement
  return typeof statement === 'object' && statement !== null && 'text' in statement ? String(statement.text) : undefined
}

function valuesOf(statement: unknown): unknown {
  return typeof statement === 'object' && statement !== null && 'values' in statement ? statement.values : undefined
}

function listOf(values: unknown): readonly unknown[] {
  return Array.isArray(values) ? values : []
}

function isSettled(value: unknown): value is Settled {
  return typeof value === 'function'
}

function queryOf({ query }: { readonly query: AnyQuery }): AnyQuery {
  return query
}
