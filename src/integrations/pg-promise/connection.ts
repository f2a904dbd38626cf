import { AcquireTimeoutError } from '../../errors.ts'

/** The pool of a host, as far as it tells how the host is connected to. */
export interface HostPool {
  readonly options: object
}

/** Connection details of a database that has nothing to connect to by itself. */
export interface RoleDetails {
  readonly role: string
  readonly host?: string
}

/**
 * What pg-promise takes for the connection details of a database. Its pool does not need them; `connect({ direct: true })`,
 * which makes a client past the pool, finds here how the host is connected to that has the role at that moment.
 */
export function detailsOf(role: 'master' | 'replica', hosts: () => readonly HostPool[]): RoleDetails {
  const details = { role }
  // Behind the prototype, where nothing that copies or prints the details comes across a password.
  Object.setPrototypeOf(details, new Proxy({}, { get: (target, key): unknown => read(target, key, role, hosts()[0]) }))
  return details
}

function read(target: object, key: string | symbol, role: string, host: HostPool | undefined): unknown {
  if (key in Object.prototype) return Reflect.get(target, key)
  if (host !== undefined) return Reflect.get(host.options, key)
  // Without a host, `pg` would connect to one of its own choice.
  if (key === 'host') {
    throw new AcquireTimeoutError('no-suitable-host', `No host is known as ${role} now, so none is connected to`, [])
  }
  return undefined
}
