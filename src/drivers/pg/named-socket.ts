import type { SocketConnectOpts } from 'node:net'
import { Socket } from 'node:net'
import type { SocketLookup } from '../../network/lookup.ts'

/**
 * A socket that gets the addresses of a name from hasql's book, when told to connect to a port and a host as `pg` does.
 *
 * Everything else is as in `net.Socket`: a name with several addresses has them tried in turn (`autoSelectFamily`), a
 * numeric address is not looked up, and the name that TLS checks is the one `pg` was given.
 */
export class NamedSocket extends Socket {
  readonly #lookup: SocketLookup

  constructor(lookup: SocketLookup) {
    super()
    this.#lookup = lookup
  }

  override connect(options: SocketConnectOpts, connected?: () => void): this
  override connect(port: number, host: string, connected?: () => void): this
  override connect(port: number, connected?: () => void): this
  override connect(path: string, connected?: () => void): this
  override connect(
    target: SocketConnectOpts | number | string,
    host?: string | (() => void),
    connected?: () => void,
  ): this {
    if (typeof target === 'number' && typeof host === 'string') {
      // An abstract socket (PostgreSQL documentation, "unix_socket_directories"): `pg` knows none, and takes it for a name.
      if (host.startsWith('@')) return super.connect(`\0${host.slice(1)}/.s.PGSQL.${target}`, connected)
      return super.connect({ port: target, host, lookup: this.#lookup }, connected)
    }
    const listener = typeof host === 'function' ? host : connected
    if (typeof target === 'number') return super.connect(target, listener)
    return typeof target === 'string' ? super.connect(target, listener) : super.connect(target, listener)
  }
}
