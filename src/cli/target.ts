import { isSocketHost } from '../dsn/host-id.ts'
import { isIpAddress } from '../dsn/ip-address.ts'
import { Dsn } from '../dsn/dsn.ts'
import { parseDsn } from '../dsn/parse.ts'
import type { HostSpec, NonEmpty } from '../dsn/host-spec.ts'
import type { Lookup } from '../network/lookup.ts'
import { systemLookup } from '../network/system-lookup.ts'
import { askPassword } from './ask-password.ts'
import type { Io } from './io.ts'
import type { Arguments } from './parse-arguments.ts'
import { timeOf } from './parse-arguments.ts'
import { UsageError } from './usage-error.ts'

/** What a command is to look at. */
export interface Target {
  readonly dsn: Dsn
  /** The connection string as given: for what explains it. */
  readonly text: string
  /** Whether the string stood among the arguments, where other users of the machine can see it. */
  readonly isArgument: boolean
  /** Whether the password was asked for. */
  readonly isPasswordAsked: boolean
  readonly connectTimeoutMs: number
}

const CONNECT_TIMEOUT_MS = 3_000

/**
 * Reads the DSN from the argument or from the variable that `--dsn-env` names; asks for the password if told to.
 * @throws {UsageError} there is none, or more than one. @throws {DsnError} it cannot be read.
 */
export async function readTarget(given: Arguments, io: Io): Promise<Target> {
  const text = dsnText(given, io)
  const asked = timeOf(given, 'connect-timeout')
  const read = parseDsn(text, { environment: io.environment })
  const isPasswordAsked = given.switches.has('password')
  const dsn = isPasswordAsked ? withPassword(read, await askPassword(io, read.user)) : read
  const connectTimeoutMs = asked ?? dsn.hosts[0].connectTimeoutMs ?? CONNECT_TIMEOUT_MS
  return { dsn, text, isArgument: given.positionals.length > 0, isPasswordAsked, connectTimeoutMs }
}

/** Whether the host is a name that a resolver has to be asked for. */
export function isName({ host, hostAddress }: HostSpec): boolean {
  return hostAddress === undefined && !isIpAddress(host) && !isSocketHost(host)
}

/** The names of a target, each once. */
export function namesOf({ dsn }: Target): readonly string[] {
  return [...new Set(dsn.hosts.filter(isName).map(({ host }) => host))]
}

/** What finds their addresses. */
export async function openLookup(target: Target, io: Io): Promise<Lookup> {
  const { length } = namesOf(target)
  return length === 0 ? systemLookup : io.openLookup(length)
}

function dsnText({ values, positionals }: Arguments, { environment }: Io): string {
  const variable = values.get('dsn-env')
  const [argument, ...others] = positionals
  if (others.length > 0) {
    throw new UsageError(`One DSN is expected, but there are ${positionals.length} arguments: put quotes round it`)
  }
  if (argument !== undefined && variable !== undefined) {
    throw new UsageError('The DSN is given twice, as an argument and with --dsn-env: leave one of them out')
  }
  if (argument !== undefined) return argument
  if (variable === undefined) throw new UsageError('The DSN is missing: give it as an argument, or with --dsn-env NAME')
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,99}$/.test(variable)) {
    throw new UsageError('--dsn-env takes the name of an environment variable, not the DSN itself')
  }
  const text = environment[variable]
  if (text !== undefined && text !== '') return text
  throw new UsageError(`--dsn-env ${variable}: this environment variable is not set`)
}

function withPassword(dsn: Dsn, password: string): Dsn {
  const given = (host: HostSpec): HostSpec => Object.freeze({ ...host, readPassword: () => password })
  const [first, ...others] = dsn.hosts
  const hosts: NonEmpty<HostSpec> = [given(first), ...others.map(given)]
  const { database, user, targetSessionAttrs, loadBalanceHosts } = dsn
  return new Dsn({ hosts, database, user, targetSessionAttrs, loadBalanceHosts, passwordIsGiven: true })
}
