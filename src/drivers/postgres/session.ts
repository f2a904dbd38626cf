import type { Socket } from 'node:net'
import type { Received } from '../../driver/driver.ts'
import { SocketReads } from '../../driver/socket-reads.ts'
import type { SocketLookup } from '../../network/lookup.ts'
import type { Hold, Timer } from '../../time/clock.ts'
import type { Milliseconds } from '../../time/milliseconds.ts'
import { ms } from '../../time/milliseconds.ts'
import { systemClock } from '../../time/system-clock.ts'
import { toError } from '../../to-error.ts'
import { sendCancel } from './cancel.ts'
import { Conversation } from './conversation.ts'
import type { ConversationEvents } from './conversation.ts'
import { dial } from './dial.ts'
import { failQuery } from './fail-query.ts'
import type { TlsWish } from './host-tls.ts'
import type { NativeQuery } from './native.ts'
import { NativeSocket } from './native-socket.ts'
import { connectionError } from './session-error.ts'
import { startNative } from './start-native.ts'
import type { LoginPlan } from './start-native.ts'
import { WireReader } from './wire.ts'

/** How a session is made. */
export interface SessionPlan extends LoginPlan {
  readonly lookup: SocketLookup
  readonly tls: TlsWish | undefined
  /** The same for a connection that is made later, for a request to cancel. */
  readonly renewTls: () => TlsWish | undefined
  readonly readPassword: () => string | Promise<string>
  /** Undefined for no limit but that of who waits. */
  readonly connectTimeoutMs: Milliseconds | undefined
  readonly hold: Hold
}

/** What a session tells of itself. */
export interface SessionEvents extends ConversationEvents {
  /** Everything sent was answered. */
  drained(): void
  /** It ended by itself after it was established. What was sent was not rejected yet: `interrupt` does so. */
  lost(cause: Error): void
  /** The socket is closed; told once, also if there never was one. */
  gone(): void
}

const TERMINATE = Buffer.from([88, 0, 0, 0, 4])
/** How long a request to cancel may take. */
const CANCEL_MS = ms(5_000)
/** How often it is made at most, and how long after one another. */
const CANCELS = 5
const CANCEL_PAUSE_MS = ms(200)

/** One connection of postgres.js to one host: made once, and never again when it is lost. */
export class Session {
  readonly plan: SessionPlan
  readonly talk: Conversation
  state: 'connecting' | 'open' | 'broken' | 'closed' = 'connecting'
  readonly #events: SessionEvents
  #socket: Socket | undefined
  #front: NativeSocket | undefined
  #refuse: ((error: Error) => void) | undefined
  #timer: Timer | undefined
  readonly #reads = new SocketReads()

  constructor(plan: SessionPlan, events: SessionEvents) {
    this.plan = plan
    this.#events = events
    this.talk = new Conversation(events)
  }

  /** Connects and logs in. Rejects with the reason when that fails; `gone` follows. */
  connect(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#refuse = reject
      const { connectTimeoutMs, hold, spec } = this.plan
      const expire = (): void => this.#fail(connectionError('CONNECT_TIMEOUT', spec.hostId))
      if (connectTimeoutMs !== undefined) this.#timer = systemClock.setTimer(connectTimeoutMs, expire, hold)
      this.#open().then(resolve, (error: unknown) => this.#fail(toError(error)))
    })
  }

  /** Has the server cancel a query that was sent; one whose turn has not come is cancelled when it comes. */
  cancel(query: NativeQuery): void {
    let { active } = query
    if (active) return this.#sendCancel(query)
    const set = (isActive: boolean): void => {
      if (isActive && !active) this.#sendCancel(query)
      active = isActive
    }
    Object.defineProperty(query, 'active', { get: () => active, set })
  }

  /** Says goodbye. Nothing may be under way. */
  end(): void {
    if (this.state !== 'open') return
    this.state = 'broken'
    this.#socket?.end(TERMINATE)
  }

  /** Destroys the socket, whatever it is doing. What was not answered rejects with what `errorFor` makes. */
  interrupt(errorFor: (query: NativeQuery) => Error): void {
    const closed = connectionError('CONNECTION_CLOSED', this.plan.spec.hostId)
    if (this.state === 'connecting') return this.#fail(closed)
    if (this.state === 'closed') return
    this.state = 'broken'
    for (const query of this.talk.sent.takeAll()) failQuery(query, errorFor(query))
    // What else postgres.js holds, an open COPY for example, ends too.
    this.#front?.tell('error', closed)
    this.#socket?.destroy()
  }

  /** What has arrived since it was made; undefined while nothing is read. */
  received(): Received | undefined {
    return this.state === 'open' && this.#socket !== undefined ? this.#reads.of(this.#socket) : undefined
  }

  /** Whether its socket keeps the process alive. */
  hold(hold: Hold): void {
    if (hold === 'nothing') this.#socket?.unref()
    else this.#socket?.ref()
  }

  async #open(): Promise<void> {
    const { plan, talk } = this
    const password = await plan.readPassword()
    if (this.#hasFailed()) return
    const socket = await dial(plan, (begun) => this.#watch(begun))
    const front = new NativeSocket(socket, () => this.#ended())
    this.#front = front
    const reader = new WireReader(talk)
    socket.on('data', (chunk: Buffer) => {
      if (this.state !== 'connecting' && this.state !== 'open') return
      const bytes = reader.read(chunk)
      if (bytes > 0) front.data(bytes === chunk.length ? chunk : chunk.subarray(0, bytes))
      if (talk.fate !== undefined) this.#ended(talk.fate)
    })
    const connection = await startNative(plan, password, front, () => this.#drained())
    if (this.#hasFailed()) return
    this.#timer?.cancel()
    talk.begin(connection, socket)
    this.state = 'open'
  }

  /** The authority may have been renewed since the session began. */
  #tlsNow(): TlsWish | undefined {
    const { tls, renewTls } = this.plan
    try {
      return tls === undefined ? undefined : renewTls()
    } catch {
      return tls
    }
  }

  #hasFailed(): boolean {
    return this.state !== 'connecting'
  }

  #watch(socket: Socket): void {
    this.#socket = socket
    if (this.plan.hold === 'nothing') socket.unref()
    let cause: Error | undefined
    socket.on('error', (error: Error) => {
      cause ??= error
      this.#ended(cause)
    })
    socket.on('end', () => this.#ended(cause))
    socket.on('close', () => {
      this.#ended(cause)
      // Under an encrypted socket lies a raw one, which may close before it.
      if (this.#socket === socket) this.#gone()
    })
  }

  #drained(): void {
    this.talk.isFull = false
    if (this.state === 'open') this.#events.drained()
  }

  #ended(cause: Error = connectionError('CONNECTION_CLOSED', this.plan.spec.hostId)): void {
    if (this.state === 'connecting') this.#fail(cause)
    else if (this.state === 'open') this.#events.lost(cause)
  }

  /** The login has failed. postgres.js is not told: it would try again. */
  #fail(error: Error): void {
    if (this.state !== 'connecting') return
    this.state = 'broken'
    this.#timer?.cancel()
    this.#refuse?.(error)
    if (this.#socket === undefined) this.#gone()
    else this.#socket.destroy()
  }

  #gone(): void {
    if (this.state === 'closed') return
    this.state = 'closed'
    this.#events.gone()
  }

  /** Between two statements a server takes no notice, so it is asked again while this one is still being answered. */
  #sendCancel(query: NativeQuery, times = CANCELS): void {
    const { pid, secret } = query.state ?? {}
    if (typeof pid !== 'number' || typeof secret !== 'number') return
    const { spec } = this.plan
    // A name may have several addresses, each of another server.
    const hostAddress = this.#socket?.remoteAddress ?? spec.hostAddress
    const again = (): void => {
      if (times > 1 && this.state === 'open' && this.talk.sent.head === query) this.#sendCancel(query, times - 1)
    }
    void sendCancel(
      { ...this.plan, spec: { ...spec, hostAddress }, tls: this.#tlsNow() },
      { pid, secret },
      CANCEL_MS,
    ).then(() => systemClock.setTimer(CANCEL_PAUSE_MS, again, 'nothing'))
  }
}
