import { once } from 'node:events'
import type { EventEmitter } from 'node:events'
import { isIP, Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { HasqlError, OptionsError } from '../../errors.ts'

/** The client whose statement is to end. */
export interface CancelledClient extends EventEmitter {
  readonly host: string
  readonly port: number
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
 * Ends what a client's server is doing for it: a cancel request goes to the very server that runs the statement, on a
 * connection of its own that takes no place in a pool, and the client is waited for until it is free again. A process id means
 * nothing to another server, or hits a stranger there.
 * @throws {HasqlError} the client is of no host of these; other errors: the server was not reached or did not end it in time.
 */
export async function cancelAtHost(
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
  // From before the request: the statement may end at once.
  const isFree = once(client, 'drain', { signal })
  const isSent = request(client, pool, signal)
  await Promise.all([isFree, isSent])
}

async function request(client: CancelledClient, { options }: HostPool, signal: AbortSignal): Promise<void> {
  const { host, port } = client
  const raw = newSocket(options.stream)
  const giveUp = (): void => void raw.destroy()
  signal.addEventListener('abort', giveUp)
  // Whoever waits for an event is told of an error; in between there must be no crash over one.
  raw.on('error', () => undefined)
  try {
    const connected = once(raw, 'connect', { signal })
    if (host.startsWith('/')) raw.connect(`${host}/.s.PGSQL.${port}`)
    else raw.connect(port, host)
    await connected
    const { ssl = false } = options
    const socket = ssl === false ? raw : await encrypt(raw, client, options, signal)
    socket.on('error', () => undefined)
    const closed = once(socket, 'close', { signal })
    socket.resume().end(cancelMessage(client))
    // The server closes when it has passed the request on.
    await closed
  } finally {
    signal.removeEventListener('abort', giveUp)
    raw.destroy()
  }
}

/** A socket made as those of the pool are: it finds names the same way. A plain one may end up elsewhere. */
function newSocket(stream: unknown): Socket {
  if (typeof stream !== 'function') return new Socket()
  const made: unknown = Reflect.apply(stream, undefined, [{}])
  if (made instanceof Socket) return made
  throw new OptionsError('stream', 'Nothing can be cancelled over poolOptions.stream unless it makes a net.Socket')
}

async function encrypt(
  raw: Socket,
  { host }: CancelledClient,
  { ssl, sslnegotiation }: HostPool['options'],
  signal: AbortSignal,
): Promise<Socket> {
  const isDirect = sslnegotiation === 'direct'
  if (!isDirect) {
    const answered = once(raw, 'data', { signal })
    raw.write(message(SSL_REQUEST))
    if (String(await answered) !== SSL_ACCEPTED) throw new Error(`${host} has no TLS for a cancel request`)
  }
  const settings = typeof ssl === 'object' ? ssl : {}
  const name = isIP(host) === 0 ? { servername: host } : {}
  const protocol = isDirect ? { ALPNProtocols: ['postgresql'] } : {}
  const socket = connectTls({ socket: raw, host, ...settings, ...name, ...protocol })
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
