import type { ResolvedContext } from './context.ts'
import { isSocketHost } from './host-id.ts'
import type { HostAddress } from './host-list.ts'
import type { Parameters } from './parameters.ts'
import { findPassword } from './password-file.ts'
import { textOf } from './values.ts'

/** Whom a password is for, besides the host. */
export interface Account {
  readonly database: string
  readonly user: string
}

/** Makes a host's `readPassword`: the password that was given, else a look into the password file at each call. */
export type PasswordReaderFor = (host: HostAddress, account: Account) => () => string | undefined

export function passwordReader(parameters: Parameters, context: ResolvedContext): PasswordReaderFor {
  const given = textOf(parameters, 'password')
  if (given !== undefined) return () => () => given
  const file = textOf(parameters, 'passfile') ?? context.homeFiles?.passwordFile
  if (file === undefined) return () => () => undefined
  return (address, { database, user }) => {
    const host = isDefaultSocket(address, context) ? 'localhost' : address.host
    const key = { host, port: String(address.port), database, user }
    return () => {
      const content = context.readPrivateFile(file)
      return content === undefined ? undefined : findPassword(content, key)
    }
  }
}

/** libpq looks the default socket up as `localhost`. */
function isDefaultSocket({ host, hostAddress }: HostAddress, context: ResolvedContext): boolean {
  return hostAddress === undefined && isSocketHost(host) && host === context.findDefaultHost()
}
