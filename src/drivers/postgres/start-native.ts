import type { HostSpec } from '../../dsn/host-spec.ts'
import { connectionError, codedError } from './session-error.ts'
import type { NativeConnection, NativeOptions } from './native.ts'
import { isNativeConnection, makeNative, nativeQuery } from './native.ts'
import type { NativeSocket } from './native-socket.ts'

/** What logs a connection in. */
export interface LoginPlan {
  readonly spec: HostSpec
  /** The options of postgres.js, without those that say where to connect. */
  readonly options: NativeOptions
  /** Whether the array types of the database are not known yet. */
  readonly fetchesTypes: boolean
}

/**
 * Has postgres.js log in on a socket. Resolves with its connection when that is ready; when it cannot log in, the session
 * knows, and nothing is resolved. `drained` is what the connection calls from then on when everything sent was answered.
 */
export async function startNative(
  { spec, options, fetchesTypes }: LoginPlan,
  password: string,
  socket: NativeSocket,
  drained: () => void,
): Promise<NativeConnection> {
  let isUsed = false
  const native = makeNative({
    ...options,
    host: [spec.hostAddress ?? spec.host],
    port: [spec.port],
    path: false,
    pass: password,
    max: 1,
    // Encryption, time limits, keep-alive and the end of the connection are not left to it; see `Session`.
    ssl: false,
    idle_timeout: null,
    max_lifetime: null,
    connect_timeout: null,
    keep_alive: null,
    target_session_attrs: null,
    fetch_types: fetchesTypes,
    no_subscribe: true,
    onclose: undefined,
    socket: () => {
      // It would connect again by itself, whatever the connection was in the middle of.
      if (isUsed) throw connectionError('CONNECTION_CLOSED', spec.hostId)
      isUsed = true
      return socket
    },
  })
  let connection: NativeConnection | undefined
  const onexecute = (given: unknown): void => {
    if (!isNativeConnection(given)) return
    connection = given
    given.reserved = Object.assign(drained, { release: true })
  }
  await new Promise((resolve, reject) => nativeQuery(native.unsafe('', [], { onexecute })).then(resolve, reject))
  if (connection === undefined) throw codedError('08P01', 'postgres.js has not told its connection')
  return connection
}

/** Kinds of authentication that postgres.js knows (PostgreSQL documentation, "Message Formats": AuthenticationOk and others). */
const KNOWN_KINDS: ReadonlySet<number> = new Set([0, 3, 5, 10, 11, 12])
const SASL_CONTINUE = 11
const CHALLENGE = /^r=[!-+\--~]+,s=[A-Za-z0-9+/]+=*,i=[1-9][0-9]{0,8}/

/** An error when postgres.js would wait for ever, or throw where nobody can catch it. */
export function checkAuthentication(kind: number, body: Buffer): Error | undefined {
  if (!KNOWN_KINDS.has(kind)) {
    const text = `The server asks for an authentication (kind ${kind}) that postgres.js does not have`
    return codedError('28000', text)
  }
  if (kind !== SASL_CONTINUE || CHALLENGE.test(body.toString('latin1'))) return undefined
  return codedError('08P01', 'The server sent what is no SCRAM challenge')
}
