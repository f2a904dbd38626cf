import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import pg from 'pg'

/** An established session with the server, and a way to ask. */
interface ServerSession {
  ask(bytes: Buffer, done: (answer: Buffer) => void): void
  readonly socket: Duplex
}

const SSL_REQUEST = 80_877_103
const NO_TLS = Buffer.from('N')
const READY = 90
const [SYNC, QUERY] = [83, 81]

/**
 * A pooler in transaction mode on the wire: it completes every login by itself, and has the statements of all clients wait for
 * one of a few connections to the server. Knows no more of the protocol than it needs for that; a statement is a transaction.
 */
export class WirePooler {
  readonly host = '127.0.0.1'
  readonly port: number
  /** How many connections to the pooler were let in. */
  logins = 0
  readonly #server: Server
  readonly #free: ServerSession[]
  readonly #all: readonly ServerSession[]
  readonly #queue: ((session: ServerSession) => void)[] = []
  readonly #clients = new Set<Socket>()
  #isPaused = false
  #isAlone = false

  private constructor(server: Server, port: number, sessions: readonly ServerSession[]) {
    this.#server = server
    this.port = port
    this.#all = sessions
    this.#free = [...sessions]
    server.on('connection', (socket) => this.#serve(socket))
  }

  /** Opens `size` connections to a server. */
  static async start(dsn: string, size: number): Promise<WirePooler> {
    const sessions = await Promise.all(Array.from({ length: size }, () => openSession(dsn)))
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('The pooler has no port')
    return new WirePooler(server, address.port, sessions)
  }

  /** PAUSE: statements wait, logins do not. */
  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.#pump()
  }

  /** Nobody is behind it: it lets clients in, and ends each at its first statement; only checks wait. */
  loseServer(): void {
    this.#isAlone = true
  }

  findServer(): void {
    this.#isAlone = false
    this.#pump()
  }

  async close(): Promise<void> {
    for (const socket of [...this.#clients, ...this.#all.map((session) => session.socket)]) socket.destroy()
    if (!this.#server.listening) return
    this.#server.close()
    await once(this.#server, 'close')
  }

  #serve(socket: Socket): void {
    this.#clients.add(socket)
    let [held, isIn, isCheck] = [Buffer.alloc(0), false, false]
    let batch: Buffer[] = []
    socket.on('error', () => undefined)
    socket.on('close', () => this.#clients.delete(socket))
    socket.on('data', (chunk: Buffer) => {
      held = Buffer.concat([held, chunk])
      while (held.length >= (isIn ? 5 : 4)) {
        const length = held.readUInt32BE(isIn ? 1 : 0) + (isIn ? 1 : 0)
        if (held.length < length) return
        const message = held.subarray(0, length)
        held = held.subarray(length)
        if (!isIn && message.readUInt32BE(4) === SSL_REQUEST) {
          socket.write(NO_TLS)
        } else if (!isIn) {
          isIn = true
          isCheck = message.includes(' probe\0')
          this.logins += 1
          socket.write(welcome())
        } else {
          batch.push(message)
          if (message[0] !== SYNC && message[0] !== QUERY) continue
          const statement = Buffer.concat(batch)
          batch = []
          if (this.#isAlone && !isCheck) return void socket.end(refusal())
          this.#queue.push((session) => {
            if (socket.destroyed) return this.#giveBack(session)
            session.ask(statement, (answer) => {
              if (!socket.destroyed) socket.write(answer)
              this.#giveBack(session)
            })
          })
          this.#pump()
        }
      }
    })
  }

  #giveBack(session: ServerSession): void {
    this.#free.push(session)
    this.#pump()
  }

  #pump(): void {
    while (!this.#isPaused && !this.#isAlone && this.#free.length > 0) {
      const next = this.#queue.shift()
      if (next === undefined) return
      const session = this.#free.pop()
      if (session !== undefined) next(session)
    }
  }
}

/** `pg` logs in; from then on the socket is ours. */
async function openSession(dsn: string): Promise<ServerSession> {
  const client = new pg.Client(dsn)
  client.on('error', () => undefined)
  await client.connect()
  const socket = client.connection.stream
  socket.removeAllListeners('data')
  let held: Buffer[] = []
  let done: ((answer: Buffer) => void) | undefined
  socket.on('data', (chunk: Buffer) => {
    held.push(chunk)
    const all = Buffer.concat(held)
    if (!endsReady(all)) return
    held = []
    const answered = done
    done = undefined
    answered?.(all)
  })
  socket.resume()
  return {
    socket,
    ask: (bytes, answered) => {
      done = answered
      socket.write(bytes)
    },
  }
}

/** What lets a client in: AuthenticationOk, a few settings, a key, ReadyForQuery. */
function welcome(): Buffer {
  const settings = { server_version: '15.0', client_encoding: 'UTF8', standard_conforming_strings: 'on' }
  const told = Object.entries(settings).map(([name, value]) => message('S', Buffer.from(`${name}\0${value}\0`)))
  return Buffer.concat([
    message('R', Buffer.alloc(4)),
    ...told,
    message('K', Buffer.alloc(8)),
    message('Z', Buffer.from('I')),
  ])
}

/** As PgBouncer words it. */
function refusal(): Buffer {
  const fields = ['SFATAL', 'C08P01', 'Mserver login has been failing, try again later (server_login_retry)', '']
  return message('E', Buffer.from(`${fields.join('\0')}\0`))
}

function message(kind: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.write(kind, 'latin1')
  head.writeUInt32BE(4 + body.length, 1)
  return Buffer.concat([head, body])
}

/** Whether the messages end with a ReadyForQuery. */
function endsReady(bytes: Buffer): boolean {
  let [at, last] = [0, 0]
  while (at + 5 <= bytes.length) {
    last = bytes[at] ?? 0
    at += 1 + bytes.readUInt32BE(at + 1)
  }
  return at === bytes.length && last === READY
}
