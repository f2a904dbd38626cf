import { codeOf } from '../driver/classify-error.ts'
import { poolerAdvice } from '../driver/pooler-advice.ts'
import type { HostSpec } from '../dsn/host-spec.ts'
import { SilentError } from './limit.ts'

/** The step at which a host failed. */
export type StepName = 'look-up' | 'TCP' | 'TLS' | 'authentication' | 'database' | 'rights' | 'role'

const UNKNOWN_AUTHORITY = 'Its authority is not known here: name the root certificate with sslrootcert.'
const NO_ROUTE = 'There is no route to it: check the network, and the address that the name leads to.'

/** What the codes of a failure mean for whoever has to repair it. */
const BY_CODE: ReadonlyMap<string, string> = new Map([
  ['ENOTFOUND', 'The name does not exist: check its spelling, and the DNS of this machine.'],
  ['EAI_AGAIN', 'The resolver did not answer: check the DNS of this machine.'],
  [
    'ECONNREFUSED',
    'Nothing listens there: is the server running, is the port right, does listen_addresses include it?',
  ],
  ['ENOENT', 'There is no such socket: is the server running, is the folder right?'],
  ['EHOSTUNREACH', NO_ROUTE],
  ['ENETUNREACH', NO_ROUTE],
  ['CERT_HAS_EXPIRED', 'The certificate has expired: renew it on the server.'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'The certificate is its own authority: name it with sslrootcert.'],
  ['SELF_SIGNED_CERT_IN_CHAIN', UNKNOWN_AUTHORITY],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', UNKNOWN_AUTHORITY],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', UNKNOWN_AUTHORITY],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'The certificate is for another name: connect by a name that stands in it.'],
  ['28P01', 'The password is not that of the role: see above where it comes from.'],
  ['28000', 'The server lets this role in neither with this method nor from here: look at pg_hba.conf and the role.'],
  ['3D000', 'There is no such database: check dbname.'],
  ['42501', 'The role may not connect to this database: grant connect on it.'],
  ['53300', 'The server has no connection left for this role: close some, or raise max_connections.'],
  ['57P03', 'The server is starting, recovering or shutting down: wait, then look at its log.'],
])

const FROZEN = 'the server is frozen or overloaded'
const OPEN = `The port is open, but nobody answers: ${FROZEN}, or is not PostgreSQL.`
const STOPPED = `The server stopped answering: ${FROZEN}.`

const SILENT: Readonly<Record<StepName, string>> = {
  'look-up': 'The resolver does not answer in time: check the DNS of this machine.',
  TCP: 'The host drops the packets: it is down, or a firewall is in between.',
  TLS: OPEN,
  authentication: OPEN,
  database: STOPPED,
  rights: STOPPED,
  role: STOPPED,
}

/** What to do about the failure of a step. */
export function adviceFor(step: StepName, error: unknown, { readPassword }: HostSpec): string | undefined {
  if (error instanceof SilentError) return SILENT[step]
  const code = codeOf(error)
  const known = BY_CODE.get(code ?? '')
  // Before the password: a pooler refuses a parameter before it asks for one.
  const pooler = poolerAdvice(error)
  if (pooler !== undefined) return `${pooler}.`
  if (step === 'authentication' && readPassword() === undefined) {
    return 'No password was found: set PGPASSWORD, add a line to the password file (only you may read it), or use --password.'
  }
  return (
    known ?? (step === 'TLS' ? 'Check that server and DSN agree on TLS: sslmode, sslrootcert, sslcert.' : undefined)
  )
}
