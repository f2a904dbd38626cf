import { resolveContext } from '../dsn/context.ts'
import { withDefaults } from '../dsn/defaults.ts'
import { PARAMETERS } from '../dsn/parameters.ts'
import type { GivenParameter } from '../dsn/parameters.ts'
import { scanDsn } from '../dsn/scan.ts'
import type { Io } from './io.ts'
import { shown } from './shown.ts'
import type { Target } from './target.ts'

/** One value that was read, and where from. */
export interface ReadValue {
  readonly name: string
  readonly value: string
  readonly from: string
}

/** Every value of the DSN that counts, redacted, with its origin. */
export function explainDsn(target: Target, io: Io): readonly ReadValue[] {
  const given = withDefaults(scanDsn(target.text), resolveContext({ environment: io.environment }))
  const from = (name: string, otherwise: string): string => originOf(name, given.get(name), target) ?? otherwise
  const { hosts, user, database } = target.dsn
  const values: ReadValue[] = [
    { name: 'host', value: hosts.map(({ host }) => host).join(', '), from: from('host', 'default') },
    { name: 'port', value: hosts.map(({ port }) => port).join(', '), from: from('port', 'default') },
    { name: 'user', value: user, from: from('user', 'the system user') },
    { name: 'dbname', value: database, from: from('dbname', 'the name of the user') },
    { name: 'password', ...passwordOf(target, from('password', '')) },
    { name: 'sslmode', value: hosts[0].tls.mode, from: from('sslmode', 'default') },
  ]
  for (const [name, parameter] of given) {
    const isListed = values.some((value) => value.name === name)
    if (isListed || PARAMETERS.get(name)?.secret === true) continue
    values.push({ name, value: parameter.value, from: from(name, '') })
  }
  return values.map(({ name, value, from: origin }) => ({ name, value: shown(value), from: origin }))
}

/** What stands where nobody looks for it must not be printed: of the password only whether there is one. */
function passwordOf(
  { dsn, isPasswordAsked }: Target,
  origin: string,
): { readonly value: string; readonly from: string } {
  if (isPasswordAsked) return { value: '***', from: 'the prompt' }
  if (origin !== '') return { value: '***', from: origin }
  const found = dsn.hosts.filter((host) => host.readPassword() !== undefined).length
  if (found === 0) return { value: 'none', from: '-' }
  return {
    value: '***',
    from: `the password file${found < dsn.hosts.length ? `, for ${found} of ${dsn.hosts.length} hosts` : ''}`,
  }
}

function originOf(name: string, parameter: GivenParameter | undefined, { isArgument }: Target): string | undefined {
  switch (parameter?.origin) {
    case 'dsn':
      return isArgument ? 'the argument' : 'the variable of --dsn-env'
    case 'service':
      return 'the service file'
    case 'environment':
      return PARAMETERS.get(name)?.variable ?? 'the environment'
    case undefined:
      return undefined
  }
}
