import { endsSession } from '../../driver/session-end.ts'
import { systemClock } from '../../time/system-clock.ts'
import type { Timer } from '../../time/clock.ts'
import { ms } from '../../time/milliseconds.ts'
import { libpqError } from './libpq.ts'
import type { Done, LibpqClient } from './libpq.ts'

/** Who is told what happens on a link. */
export interface LinkWitness {
  connected(): void
  /** A statement is sent. */
  wrote(): void
  /** CommandComplete, with its tag. */
  completed(tag: string): void
  /** A statement was answered to its end, with the status of the transaction: `I`, `T`, `E`, or empty in the middle of a COPY. */
  ready(status: string): void
  /** The server refused a statement. */
  refused(error: Error): void
  /** The connection ended by itself. Returns what pending statements are to reject with. */
  lost(cause: Error): Error
  /** The socket is closed. */
  closed(): void
}

/** How a link connects. */
export interface LinkTarget {
  /** What libpq is to be told, made for each connection anew. */
  conninfo(): Promise<string>
  readonly connectTimeoutMs: number
}

/** `PQtransactionStatus` in `pg`'s letters. */
const STATUS: readonly string[] = ['I', '', 'T', 'E']
const BROKEN = 4

/** How often a connection is looked at. */
const LOOK_MS = ms(250)

/**
 * Stands between `pg.native.Client` and its client of pg-native, and sees to it that libpq is never asked for what would
 * end the process or block it.
 *
 * libpq connects on a thread, which cannot be called off; closing what a thread works on would free memory it still uses.
 * So whoever gives up is told at once, and the connection is closed when the thread is done with it.
 */
export class LibpqLink {
  readonly #client: LibpqClient
  readonly #witness: LinkWitness
  readonly #target: LinkTarget
  readonly #real: Pick<LibpqClient, 'connect' | 'emit' | 'end'>
  #state: 'new' | 'preparing' | 'dialing' | 'dialed' | 'closed' = 'new'
  /** Ends the connecting for whoever waits for it. */
  #settle: ((error?: unknown) => void) | undefined
  #isAnswering = false
  #look: Timer | undefined

  constructor(client: LibpqClient, target: LinkTarget, witness: LinkWitness) {
    this.#client = client
    this.#target = target
    this.#witness = witness
    const { pq } = client
    const query = client.query.bind(client)
    const prepare = client.prepare.bind(client)
    const execute = client.execute.bind(client)
    const emit = client.emit.bind(client)
    this.#real = { connect: client.connect.bind(client), end: client.end.bind(client), emit }
    client.connect = (_conninfo, done) => this.#connect(done)
    client.end = (done) => this.#end(done)
    client.emit = (event: string, ...rest: unknown[]) => {
      if (event === 'error') return this.#broke(this.#errorOf(rest[0]))
      // The tag of a statement without a command, or of one that is prepared only, is empty.
      if (event === 'result' && pq.cmdStatus() !== '') witness.completed(pq.cmdStatus())
      return emit(event, ...rest)
    }
    client.query = (text, values, done) =>
      typeof values === 'function'
        ? this.#send((answered) => query(text, answered), values)
        : this.#send((answered) => query(text, values, answered), done)
    client.prepare = (name, text, count, done) =>
      this.#send((answered) => prepare(name, text, count, answered), done, 'first half')
    client.execute = (name, values, done) => this.#send((answered) => execute(name, values, answered), done)
  }

  /** Ends the connection, whatever it is doing: what is pending rejects with `cause`, now or in the next turn. */
  interrupt(cause: Error): void {
    if (this.#settle !== undefined) this.#settle(cause)
    else if (this.#state === 'dialed') this.#fail(cause)
  }

  #connect(done: Done): void {
    this.#state = 'preparing'
    const giveUp = (): void => this.#settle?.(libpqError('timeout expired'))
    const timer = systemClock.setTimer(ms(this.#target.connectTimeoutMs), giveUp, 'process')
    this.#settle = (error) => {
      this.#settle = undefined
      timer.cancel()
      done(error)
    }
    this.#target.conninfo().then(
      (conninfo) => {
        if (this.#state === 'closed') return
        this.#state = 'dialing'
        this.#real.connect(conninfo, (error) => this.#arrived(error))
      },
      (error: unknown) => this.#settle?.(error),
    )
  }

  #arrived(error: unknown): void {
    const settle = this.#settle
    this.#state = 'dialed'
    if (settle === undefined) return this.#close()
    if (isNothing(error)) {
      this.#witness.connected()
      this.#lookLater()
    }
    // Told of an error, `pg` ends the client.
    settle(isNothing(error) ? undefined : libpqError(error))
  }

  /**
   * A socket that was reset is an error to libuv, which then stops watching it; the package `libpq` tells nobody, and what is
   * pending would hang. Reading finds it out.
   */
  #lookLater(): void {
    this.#look = systemClock.setTimer(
      LOOK_MS,
      () => {
        const { pq } = this.#client
        if (!pq.consumeInput()) return void this.#broke(libpqError(pq.errorMessage()))
        // What has been read by this is not told of by the socket any more.
        pq.emit('readable')
        if (this.#state === 'dialed') this.#lookLater()
      },
      'nothing',
    )
  }

  #end(done?: () => void): void {
    this.#settle?.(libpqError('Connection terminated'))
    if (this.#state !== 'dialing') this.#close()
    if (done !== undefined) process.nextTick(done)
  }

  #close(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#look?.cancel()
    this.#real.end()
    // libuv still has the socket's watcher, which is a part of this client: it must not be collected before that is closed.
    systemClock.afterPendingIo(() => this.#client)
    this.#witness.closed()
  }

  #send(send: (answered: Done) => void, done: Done = () => undefined, part?: 'first half'): void {
    const { pq } = this.#client
    // `pg` adds to each error what the last result has to say, also to errors that come without a result.
    pq.clear()
    this.#isAnswering = true
    this.#witness.wrote()
    send((error, rows, results) => {
      if (this.#state === 'closed') return
      const status = pq.transactionStatus()
      const failure = isNothing(error) ? undefined : this.#errorOf(error)
      this.#isAnswering = false
      if (failure !== undefined && (status === BROKEN || endsSession(failure))) return void this.#broke(failure)
      if (failure !== undefined) this.#witness.refused(failure)
      if (failure !== undefined || part === undefined) this.#witness.ready(STATUS[status] ?? '')
      done(failure, rows, results)
    })
  }

  /** What the server said of the statement that runs, if there is one and it did, else what libpq says. */
  #errorOf(error: unknown): Error {
    const fields = this.#isAnswering ? this.#client.pq.resultErrorFields() : null
    const { sqlState: code, severity, messagePrimary } = fields ?? {}
    if (code === undefined) return libpqError(error)
    return Object.assign(new Error(messagePrimary), { code, severity })
  }

  /** Returns what `emit` would. */
  #broke(cause: Error): boolean {
    if (this.#state !== 'dialed') return false
    this.#fail(this.#witness.lost(cause))
    return true
  }

  /** `pg` rejects what is pending in the next turn, when no result is left that could be taken for the reason. */
  #fail(error: Error): void {
    this.#real.emit('error', error)
    this.#close()
  }
}

function isNothing(error: unknown): error is null | undefined {
  return error === null || error === undefined
}
