import { once } from 'node:events'
import { isIP, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { connect as connectTls } from 'node:tls'
import { NamedSocket } from '../../drivers/pg/named-socket.ts'
import { HasqlError, OptionsError } from '../../errors.ts'

/** The client whose statement is to end. */
export interface CancelledClient {
  readonly host: string
  readonly port: number
  readonly connection: { readonly stream: object }
}

/** The pool of a host, as far as it tells how the host is reached. */
export interface HostPool {
  readonly options: {
    readonly host?: string | undefined
    readonly port?: number | undefined
    readonly ssl?: boolean | object | undefined
    readonly stream?: unknown
    readonly sslnegotiation?: unknown
  }
}

/** PostgreSQL documentation, 54.7 "Message Formats": CancelRequest and SSLRequest. */
const CANCEL_REQUEST = 80_877_102
const SSL_REQUEST = 80_877_103
const SSL_ACCEPTED = 'S'

/**
 * Asks the very server that runs a client's statement to end it, with a cancel request on a connection of its own, which
 * takes no place in a pool and needs no password. Resolves when the server has passed the request on; the statement then
 * fails by itself, unless it was done before. A process id sent to another server means nothing there, or hits a stranger.
 * @throws {HasqlError} the client is of no host of these; other errors: the server was not reached in time.
 */
export async function requestCancel(
  client: CancelledClient,
  pools: readonly HostPool[],
  timeoutMs: number,
): Promise<void> {
  const { host, port } = client
  const pool = pools.find(({ options }) => options.host === host && options.port === port)
  if (pool === undefined) {
    throw new HasqlError(
      'ERR_HASQL_UNKNOWN_CONNECTION',
      `The connection to ${host}:${port} is of no host of this manager`,
    )
  }
  const signal = AbortSignal.timeout(timeoutMs)
  const raw = newSocket(pool.options.stream)
  const giveUp = (): void => void raw.destroy()
  signal.addEventListener('abort', giveUp)
  // Whoever waits for an event is told of an error; in between there must be no crash over one.
  raw.on('error', () => undefined)
  try {
    await dial(raw, client, signal)
    const { ssl = false } = pool.options
    const socket = ssl === false ? raw : await encrypt(raw, host, pool, signal)
    const closed = once(socket, 'close', { signal })
    // Not ended from here: a pooler between us would take that for a change of mind.
    socket.resume().write(cancelMessage(client))
    await closed
  } finally {
    signal.removeEventListener('abort', giveUp)
    raw.destroy()
  }
}

/** A socket made as those of the pool are. A plain one may end up elsewhere. */
function newSocket(stream: unknown): Socket {
  if (typeof stream !== 'function') return new Socket()
  const made: unknown = Reflect.apply(stream, undefined, [{}])
  if (made instanceof Socket) return made
  throw new OptionsError('stream', 'Nothing can be cancelled over poolOptions.stream unless it makes a net.Socket')
}

async function dial(raw: Socket, { host, port, connection }: CancelledClient, signal: AbortSignal): Promise<void> {
  const connected = once(raw, 'connect', { signal })
  if (host.startsWith('/')) raw.connect(`${host}/.s.PGSQL.${port}`)
  else raw.connect(port, addressOf(raw, connection.stream) ?? host)
  await connected
}

/** A name may stand for several servers; a tunnel's address is not the server's. */
function addressOf(raw: Socket, stream: object): string | undefined {
  if (!(raw instanceof NamedSocket)) return undefined
  const address: unknown = Reflect.get(stream, 'remoteAddress')
  return typeof address === 'string' ? address : undefined
}

async function encrypt(raw: Socket, host: string, { options }: HostPool, signal: AbortSignal): Promise<TLSSocket> {
  const isDirect = options.sslnegotiation === 'direct'
  if (!isDirect) {
    const answered = once(raw, 'data', { signal })
    raw.write(message(SSL_REQUEST))
    if (String(await answered) !== SSL_ACCEPTED) throw new Error(`${host} has no TLS for a cancel request`)
  }
  const settings = typeof options.ssl === 'object' ? options.ssl : {}
  const name = isIP(host) === 0 ? { servername: host } : {}
  const protocol = isDirect ? { ALPNProtocols: ['postgresql'] } : {}
  const socket = connectTls({ socket: raw, host, ...name, ...settings, ...protocol })
  socket.on('error', () => undefined)
  await once(socket, 'secureConnect', { signal })
  return socket
}

function cancelMessage(client: object): Buffer {
  return message(CANCEL_REQUEST, numberOf(client, 'processID'), numberOf(client, 'secretKey'))
}

function message(...words: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 + 4 * words.length)
  bytes.writeInt32BE(bytes.length)
  for (const [index, word] of words.entries()) bytes.writeInt32BE(word, 4 + 4 * index)
  return bytes
}

function numberOf(client: object, key: string): number {
  const value: unknown = Reflect.get(client, key)
  if (typeof value === 'number') return value
  throw new HasqlError('ERR_HASQL_UNKNOWN_CONNECTION', `The server gave no ${key}, so nothing can be cancelled there`)
}
