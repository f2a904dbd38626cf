import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket, TcpNetConnectOpts } from 'node:net'
import { connect as encrypt } from 'node:tls'
import { isSocketHost } from '../../dsn/host-id.ts'
import type { HostSpec } from '../../dsn/host-spec.ts'
import { HasqlError } from '../../errors.ts'
import type { SocketLookup } from '../../network/lookup.ts'
import type { TlsWish } from './host-tls.ts'

/** How to get to one host. */
export interface Route {
  readonly spec: HostSpec
  readonly lookup: SocketLookup
  readonly tls: TlsWish | undefined
}

/** SSLRequest (PostgreSQL documentation, "Message Formats"). */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])

/**
 * A socket to a host, connected and, if wished, encrypted. `began` is told of each socket before anything can happen to it;
 * whoever destroys that one need not wait for the promise.
 */
export async function dial({ spec, lookup, tls }: Route, began: (socket: Socket) => void): Promise<Socket> {
  const socket = connect(targetOf(spec, lookup))
  began(socket)
  await once(socket, 'connect')
  if (tls === undefined || (!tls.isDirect && !(await takesTls(socket, tls)))) return socket
  const encrypted = encrypt({ ...tls.options, socket })
  began(encrypted)
  await once(encrypted, 'secureConnect')
  return encrypted
}

function targetOf(spec: HostSpec, lookup: SocketLookup): TcpNetConnectOpts | { readonly path: string } {
  const { host, hostAddress, port } = spec
  if (hostAddress === undefined && isSocketHost(host)) {
    const file = `.s.PGSQL.${port}`
    return { path: host.startsWith('@') ? `\0${host.slice(1)}/${file}` : `${host}/${file}` }
  }
  const keepAlive = { keepAlive: spec.keepAlive, keepAliveInitialDelay: spec.keepAliveIdleMs ?? 0 }
  return { host: hostAddress ?? host, port, lookup, noDelay: true, ...keepAlive }
}

/** Asks the server whether it takes TLS. One byte is its answer, and no more may have arrived than that. */
async function takesTls(socket: Socket, { isOptional }: TlsWish): Promise<boolean> {
  socket.write(SSL_REQUEST)
  await once(socket, 'readable')
  const answer: unknown = socket.read()
  const text = Buffer.isBuffer(answer) ? answer.toString('latin1') : ''
  if (text === 'S') return true
  if (text === 'N' && isOptional) return false
  if (text === 'N') throw tlsError('The server does not take TLS connections, and one is wanted (sslmode)')
  throw tlsError('The server did not answer the request for TLS as PostgreSQL does')
}

function tlsError(text: string): HasqlError {
  return new HasqlError('ERR_HASQL_TLS', text)
}
