import type { EventEmitter } from 'node:events'
import type { Duplex } from 'node:stream'

/** `protocol_violation` (PostgreSQL documentation, Appendix A). */
const PROTOCOL_VIOLATION = '08P01'

type Emitter = Pick<EventEmitter, 'emit'>
type Listener = (bytes: unknown) => void

/** Who hears of the messages that come with every statement, before `pg` does; a listener would cost several times as much. */
export interface MessageWitness {
  /** CommandComplete, with its tag. */
  completed(tag: string): void
  /** ReadyForQuery, with the status of the transaction. */
  ready(status: string): void
  /** Something is written to the stream. */
  wrote(): void
  /** What came is not the protocol. */
  violated(error: Error): void
}

/** What the messages that are witnessed hold. */
interface Message {
  readonly text?: string
  readonly status?: string
}

/**
 * Lets what is not PostgreSQL's protocol end the connection instead of the process.
 *
 * `pg` parses in the socket's `data` event, and its parser throws on messages that are cut short or cannot be: there,
 * nobody could catch it (law 14). What a listener of the application throws is its own bug, and passes.
 */
export function guardParser(connection: Emitter, witness: MessageWitness): void {
  const emit = connection.emit.bind(connection)
  let ofListener: unknown
  // Every message passes here, so there is no list of parts to be made and spread; no event has more than two.
  connection.emit = (event: string | symbol, one?: Message, two?: unknown): boolean => {
    if (event === 'readyForQuery') witness.ready(one?.status ?? '')
    else if (event === 'commandComplete') witness.completed(one?.text ?? '')
    try {
      return emit(event, one, two)
    } catch (error) {
      ofListener = error
      throw error
    }
  }
  const attach: unknown = Reflect.get(connection, 'attachListeners')
  if (typeof attach !== 'function') return
  const guarded = (listener: Listener, bytes: unknown): void => {
    try {
      listener(bytes)
    } catch (error) {
      if (error === ofListener) throw error
      witness.violated(violation(error))
    }
  }
  Reflect.set(connection, 'attachListeners', (stream: Duplex): void => {
    const on = (event: string, listener: Listener): Duplex =>
      stream.on(event, event === 'data' ? (bytes: unknown) => guarded(listener, bytes) : listener)
    // Not an object that inherits from the stream: as a prototype, it would be slow in all that it does from then on.
    const seen = new Proxy(stream, { get: (target, key): unknown => (key === 'on' ? on : Reflect.get(target, key)) })
    Reflect.apply(attach, connection, [seen])
    noteWrites(stream, witness)
  })
}

/** A socket's own count of its bytes takes a call into the runtime's core, too much for each lease. */
function noteWrites(stream: Duplex, witness: MessageWitness): void {
  const write: unknown = Reflect.get(stream, 'write')
  if (!isWrite(write)) return
  Reflect.set(stream, 'write', (bytes: unknown, encoding: unknown, callback: unknown): unknown => {
    witness.wrote()
    return write.call(stream, bytes, encoding, callback)
  })
}

type Write = (this: Duplex, bytes: unknown, encoding: unknown, callback: unknown) => unknown

function isWrite(value: unknown): value is Write {
  return typeof value === 'function'
}

/** The error as one that says by its code what it means. */
export function violation(cause: unknown): Error {
  return Object.assign(new Error('The server sent what is not the PostgreSQL protocol', { cause }), {
    code: PROTOCOL_VIOLATION,
  })
}
