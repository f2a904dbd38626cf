import type { ResolvedContext } from './context.ts'
import { DsnError } from './dsn-error.ts'
import { PARAMETERS } from './parameters.ts'
import type { GivenParameter, Parameters } from './parameters.ts'
import { readService } from './service-file.ts'

/**
 * Adds what the connection string leaves open: from its service, then from the environment.
 * A parameter that is given but empty still hides both.
 */
export function withDefaults(given: Parameters, context: ResolvedContext): Parameters {
  if (context.fileParameters === 'refuse') refuseFiles(given)
  const complete = new Map(given)
  const service = given.get('service')?.value ?? context.environment['PGSERVICE'] ?? ''
  if (service !== '') addMissing(complete, readService(service, context))
  addMissing(complete, readEnvironment(context.environment))
  return complete
}

function addMissing(complete: Map<string, GivenParameter>, more: Parameters): void {
  for (const [name, parameter] of more) if (!complete.has(name)) complete.set(name, parameter)
}

function readEnvironment(environment: ResolvedContext['environment']): Parameters {
  const found = new Map<string, GivenParameter>()
  const add = (name: string, value: string): void => {
    found.set(name, { value, origin: 'environment', position: undefined })
  }
  // The old PGREQUIRESSL=1 counts only while PGSSLMODE is not set.
  if (environment['PGREQUIRESSL']?.startsWith('1') === true) add('sslmode', 'require')
  for (const [name, { variable }] of PARAMETERS) {
    const value = variable === undefined ? '' : (environment[variable] ?? '')
    if (value !== '') add(name, value)
  }
  return found
}

/** For untrusted strings; `sslrootcert=system` names no file. */
function refuseFiles(given: Parameters): void {
  for (const [name, { value, position }] of given) {
    if (PARAMETERS.get(name)?.file !== true || value === '') continue
    if (name === 'sslrootcert' && value === 'system') continue
    const message = `${name} names a file, which is not allowed in this connection string`
    throw new DsnError('file-parameter-refused', message, { position, parameter: name })
  }
}
