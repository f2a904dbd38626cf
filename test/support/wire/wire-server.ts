import { once } from 'node:events'
import type { Server, Socket } from 'node:net'
import { createServer } from 'node:net'

/** What a server says to a statement or to a login: one row of text, nothing at all, or an error. */
export type WireAnswer =
  readonly (string | null)[] | 'nothing' | { readonly code: string; readonly message: string; readonly hint?: string }

/** How a server behaves; both are asked anew each time, so a test changes what they go by. */
export interface WireBehaviour {
  /** What a login with these startup parameters is refused with; undefined lets it in. */
  login?(parameters: ReadonlyMap<string, string>): { readonly code: string; readonly message: string } | undefined
  /** The answer to a simple query. Only the last statement of a text is answered with what this returns. */
  answer(sql: string): WireAnswer
}

const SSL_REQUEST = 80_877_103
const GSS_REQUEST = 80_877_104
const CANCEL_REQUEST = 80_877_102

/**
 * A server that speaks PostgreSQL's protocol on a real socket, as far as hasql's probes and simple queries need it (PostgreSQL
 * documentation, "Message Formats"): for servers that cannot be had, and poolers that need not be there.
 */
export class WireServer implements AsyncDisposable {
  /** The startup parameters of every login, in the order they came. */
  readonly logins: ReadonlyMap<string, string>[] = []
  /** Every simple query, in the order they came. */
  readonly queries: string[] = []
  readonly #behaviour: WireBehaviour
  readonly #sockets = new Set<Socket>()
  readonly #parts = new WeakMap<Socket, { sql: string; kinds: string[] }>()
  readonly #server: Server
  #port = 0

  private constructor(behaviour: WireBehaviour) {
    this.#behaviour = behaviour
    this.#server = createServer((socket) => this.#serve(socket))
  }

  static async start(behaviour: WireBehaviour): Promise<WireServer> {
    const server = new WireServer(behaviour)
    await server.open()
    return server
  }

  get port(): number {
    return this.#port
  }

  get host(): string {
    return `127.0.0.1:${this.#port}`
  }

  get connections(): number {
    return this.#sockets.size
  }

  /** Listens, on the port that it has had before. */
  async open(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    const address = this.#server.address()
    if (address !== null && typeof address === 'object') this.#port = address.port
  }

  /** Ends all connections as a restart does, and lets nobody in until `open`. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets)
      socket.end(error('57P01', 'terminating connection due to administrator command', 'FATAL'))
    for (const socket of this.#sockets) socket.destroySoon()
    if (this.#server.listening) {
      this.#server.close()
      await once(this.#server, 'close')
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => undefined)
    socket.on('close', () => this.#sockets.delete(socket))
    let unread = Buffer.alloc(0)
    let isLoggedIn = false
    socket.on('data', (bytes: Buffer) => {
      unread = Buffer.concat([unread, bytes])
      for (;;) {
        const start = isLoggedIn ? 1 : 0
        if (unread.length < start + 4) return
        const length = start + unread.readInt32BE(start)
        if (unread.length < length) return
        const message = unread.subarray(0, length)
        unread = unread.subarray(length)
        if (isLoggedIn) this.#hear(socket, message)
        else isLoggedIn = this.#greet(socket, message)
      }
    })
  }

  #greet(socket: Socket, message: Buffer): boolean {
    const version = message.readInt32BE(4)
    if (version === SSL_REQUEST || version === GSS_REQUEST) {
      socket.write('N')
      return false
    }
    if (version === CANCEL_REQUEST) {
      socket.destroy()
      return false
    }
    const words = message.subarray(8).toString().split('\0')
    const parameters = new Map<string, string>()
    for (let at = 0; at + 1 < words.length && words[at] !== ''; at += 2)
      parameters.set(words[at] ?? '', words[at + 1] ?? '')
    this.logins.push(parameters)
    const refusal = this.#behaviour.login?.(parameters)
    if (refusal !== undefined) {
      socket.end(error(refusal.code, refusal.message, 'FATAL'))
      return false
    }
    const parts = [frame('R', int32(0))]
    for (const [name, value] of [
      ['server_version', '16.4'],
      ['client_encoding', 'UTF8'],
    ] as const)
      parts.push(frame('S', text(name), text(value)))
    parts.push(frame('K', int32(4711), int32(42)), READY)
    socket.write(Buffer.concat(parts))
    return true
  }

  #hear(socket: Socket, message: Buffer): void {
    const kind = String.fromCharCode(message[0] ?? 0)
    if (kind === 'X') return void socket.end()
    if (kind === 'Q') {
      const sql = message.subarray(5, -1).toString()
      socket.write(Buffer.concat([...this.#ask(sql), READY]))
    } else {
      this.#hearPart(socket, kind, message)
    }
  }

  /** What is asked by Parse, Bind, Describe and Execute is answered at the Sync that follows, all of it at once. */
  #hearPart(socket: Socket, kind: string, message: Buffer): void {
    const parts = this.#parts.get(socket) ?? { sql: '', kinds: [] }
    this.#parts.set(socket, parts)
    // A name, then the text.
    if (kind === 'P') parts.sql = message.subarray(5).toString().split('\0')[1] ?? ''
    // Describe is noted as what it asks about: a statement or a portal.
    const isOfStatement = message[5] === 0x53
    if (kind !== 'S') return void parts.kinds.push(kind === 'D' && !isOfStatement ? 'd' : kind)
    const answer = this.#ask(parts.sql)
    const [first, ...rest] = answer
    const said = parts.kinds.flatMap((part) => {
      if (part === 'P') return [frame('1')]
      if (part === 'B') return [frame('2')]
      if (part === 'E') return rest
      if (first === undefined) return []
      return part === 'D' ? [frame('t', int16(0)), first] : [first]
    })
    const isError = first !== undefined && first[0] === 0x45
    socket.write(Buffer.concat([...(isError ? [first] : said), READY]))
    parts.kinds = []
  }

  /** RowDescription, DataRow and CommandComplete, or an ErrorResponse. */
  #ask(sql: string): readonly Buffer[] {
    this.queries.push(sql)
    const before = sql
      .split(';')
      .slice(0, -1)
      .map(() => frame('C', text('SET')))
    return [...before, ...messagesOf(this.#behaviour.answer(sql))]
  }
}

function messagesOf(answer: WireAnswer): readonly Buffer[] {
  if (answer === 'nothing') return [frame('T', int16(0)), frame('C', text('SELECT 0'))]
  if ('code' in answer) return [error(answer.code, answer.message, 'ERROR')]
  const columns = answer.map((_value, at) =>
    Buffer.concat([text(`c${at}`), int32(0), int16(0), int32(25), int16(-1), int32(-1), int16(0)]),
  )
  const values = answer.map((value) =>
    value === null ? int32(-1) : Buffer.concat([int32(Buffer.byteLength(value)), Buffer.from(value)]),
  )
  return [
    frame('T', int16(columns.length), ...columns),
    frame('D', int16(values.length), ...values),
    frame('C', text('SELECT 1')),
  ]
}

function error(code: string, message: string, severity: 'FATAL' | 'ERROR'): Buffer {
  const fields = [
    ['S', severity],
    ['V', severity],
    ['C', code],
    ['M', message],
  ] as const
  return frame('E', ...fields.map(([name, value]) => Buffer.concat([Buffer.from(name), text(value)])), Buffer.from([0]))
}

function frame(kind: string, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.from(kind), int32(body.length + 4), body])
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function text(value: string): Buffer {
  return Buffer.from(`${value}\0`)
}

const READY = frame('Z', Buffer.from('I'))
