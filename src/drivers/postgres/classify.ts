import { classifyError, codeOf } from '../../driver/classify-error.ts'
import type { Phase } from '../../driver/driver.ts'
import type { HostFault } from '../../host-fault.ts'

/** postgres.js' own codes, and those of hasql that mean the same. */
const OWN: ReadonlyMap<string, { readonly connect: HostFault; readonly session: HostFault }> = new Map([
  ['CONNECTION_CLOSED', { connect: 'down', session: 'lost' }],
  ['CONNECTION_DESTROYED', { connect: 'down', session: 'lost' }],
  ['CONNECTION_ENDED', { connect: 'down', session: 'lost' }],
  ['CONNECT_TIMEOUT', { connect: 'silent', session: 'lost' }],
  ['SASL_SIGNATURE_MISMATCH', { connect: 'access', session: 'lost' }],
  ['ERR_HASQL_TLS', { connect: 'access', session: 'lost' }],
])

/** What an error of postgres.js, of the server or of the system says about the host. */
export function classifyPostgresError(error: unknown, phase: Phase): HostFault | undefined {
  return OWN.get(codeOf(error) ?? '')?.[phase] ?? classifyError(error, phase)
}
