import { codeOf } from '../driver/classify-error.ts'
import { poolerAdvice } from '../driver/pooler-advice.ts'
import type { HostSpec } from '../dsn/host-spec.ts'
import { CertificateError } from '../dsn/tls-files.ts'
import { SilentError } from './limit.ts'
import { NO_TLS } from './tls-check.ts'
import { tlsTroubleIn } from './tls-words.ts'

/** The step at which a host failed. */
export type StepName = 'look-up' | 'TCP' | 'TLS' | 'authentication' | 'database' | 'rights' | 'role'

const UNKNOWN_AUTHORITY =
  'Its authority is not known here: name the root certificate with sslrootcert (another one that is named there does not vouch for it).'
const OWN_FILES =
  'Look at the files of sslcert, sslkey, sslrootcert and sslcrl on this machine: the server has not been asked yet.'
const NO_ROUTE = 'There is no route to it: check the network, and the address that the name leads to.'
const NO_PASSWORD =
  'No password was found: set PGPASSWORD, add a line to the password file (only you may read it), or use --password.'

/** What the codes of a failure mean for whoever has to repair it. */
const BY_CODE: ReadonlyMap<string, string> = new Map([
  ['ENOTFOUND', 'The name does not exist: check its spelling, and the DNS of this machine.'],
  ['EAI_AGAIN', 'The resolver did not answer: check the DNS of this machine.'],
  [
    'ECONNREFUSED',
    'Nothing listens there: is the server running, is the port right, does listen_addresses include it?',
  ],
  ['ECONNRESET', 'Something ended the connection: look at the log of the server, and of a proxy or pooler in between.'],
  ['ENOENT', 'There is no such socket: is the server running, is the folder right?'],
  ['EHOSTUNREACH', NO_ROUTE],
  ['ENETUNREACH', NO_ROUTE],
  ['CERT_HAS_EXPIRED', 'The certificate has expired: renew it on the server.'],
  ['CERT_NOT_YET_VALID', 'The certificate is not valid yet: compare the clocks of both machines.'],
  ['CERT_REVOKED', 'The certificate is revoked, by the list that sslcrl names: give the server a new one.'],
  ['UNABLE_TO_GET_CRL', 'The list that sslcrl names is not by the authority of this certificate: name that one.'],
  [
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'The certificate is its own authority: name it with sslrootcert (another one that is named there does not vouch for it).',
  ],
  ['SELF_SIGNED_CERT_IN_CHAIN', UNKNOWN_AUTHORITY],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', UNKNOWN_AUTHORITY],
  ['UNABLE_TO_GET_ISSUER_CERT', UNKNOWN_AUTHORITY],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', UNKNOWN_AUTHORITY],
  ['CERT_SIGNATURE_FAILURE', UNKNOWN_AUTHORITY],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'The certificate is for another name: connect by a name that stands in it.'],
  [NO_TLS, 'Turn ssl on in the server, or choose an sslmode that does not demand it.'],
  [
    '28P01',
    'The password is not that of the role, or there is no such role (the server does not say which): see above where both come from.',
  ],
  [
    '28000',
    'The server does not let this role in from here: pg_hba.conf rejects it (with TLS, or without), or there is no such role that may log in. It says which above, or in its log.',
  ],
  ['3D000', 'There is no such database: check dbname.'],
  ['42501', 'The role may not connect to this database: grant connect on it.'],
  ['53300', 'The server has no connection left for this role: close some, or raise max_connections.'],
  ['57P03', 'The server is starting, recovering or shutting down: wait, then look at its log.'],
  ['57P01', 'The server ended the session: is it shutting down? Look at its log.'],
])

/** 08P01 is what poolers answer to everything; only their words, which are never translated, tell what it is. */
const BY_POOLER: readonly (readonly [says: RegExp, advice: string])[] = [
  [
    /startup parameter/,
    'PgBouncer does not take this startup parameter: add it to ignore_startup_parameters, or leave it out of the DSN.',
  ],
  [
    /server_login_retry|server login/,
    'PgBouncer could not log in to PostgreSQL, and tries again only every server_login_retry seconds (15 by default; set 1): look at its log.',
  ],
  [/no such database|database .* does not exist/, 'PgBouncer has no such database: look at its section [databases].'],
  [/no such user|no such role/, 'PgBouncer does not know this role: look at its auth_file and auth_query.'],
  [/no more connections|max_client_conn/, 'PgBouncer is full: raise max_client_conn.'],
  [/query_wait_timeout/, 'No connection of PgBouncer became free: raise its pool_size, or look for what holds them.'],
]
const POOLER = 'A pooler refuses, or speaks for a server that it cannot reach: look at its log.'

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
  const code = codeOf(error) ?? ''
  const message = error instanceof Error ? error.message : ''
  if (error instanceof CertificateError) return OWN_FILES
  const trouble = tlsTroubleIn(message)
  if (trouble !== undefined) return trouble.advice
  // What the server says comes first: it may well have let nobody in for another reason than a password that is not there.
  const asksForPassword = code === '28P01' || code === ''
  if (step === 'authentication' && asksForPassword && readPassword() === undefined) return NO_PASSWORD
  if (code === '08P01') {
    const pooler = poolerAdvice(error)
    return BY_POOLER.find(([says]) => says.test(message))?.[1] ?? (pooler === undefined ? POOLER : `${pooler}.`)
  }
  const otherwise =
    step === 'TLS' ? 'Check that server and DSN agree on TLS: sslmode, sslrootcert, sslcert.' : undefined
  return BY_CODE.get(code) ?? otherwise
}
