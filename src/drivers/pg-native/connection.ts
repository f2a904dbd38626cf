import { codeOf } from '../../driver/classify-error.ts'
import { ClientConnection } from '../pg/client-connection.ts'
import type { Received } from '../../driver/driver.ts'
import type { ClientGuard, GuardedClient } from '../pg/guarded-client.ts'
import { isLibpqClient } from './libpq.ts'
import { LibpqLink } from './link.ts'
import type { LinkTarget } from './link.ts'

/** One physical connection of libpq, under a client of `pg.native`. */
export class NativeConnection extends ClientConnection {
  readonly #link: LibpqLink
  #status = 'I'
  /** Of libpq's bytes none pass here; a statement that is answered to its end shows that some came. */
  #answers = 0

  constructor(native: GuardedClient, guard: ClientGuard | undefined, target: LinkTarget) {
    super(native, guard)
    // What it is told is known here already; nobody else may be listening (law 14).
    native.on('error', () => undefined)
    const client: unknown = Reflect.get(native, 'native')
    const parameters: unknown = Reflect.get(native, 'connectionParameters')
    if (!isLibpqClient(client) || typeof parameters !== 'object' || parameters === null)
      throw new TypeError('pg.native has no client of pg-native: hasql knows pg 8')
    // `pg` would look the name up by itself, past the manager's addresses; what libpq is told, the link asks for.
    const getLibpqConnectionString = (done: (error: null, conninfo: string) => void): void => done(null, '')
    Object.assign(parameters, { getLibpqConnectionString })
    this.#link = new LibpqLink(client, target, {
      connected: () => {
        this.ledger.wrote()
        this.state = 'open'
      },
      wrote: () => this.ledger.wrote(),
      completed: (tag) => this.ledger.completed(tag),
      ready: (status) => {
        this.#status = status
        this.#answers += 1
        this.ledger.ready(status)
      },
      refused: (error) => {
        this.ledger.refused(codeOf(error) ?? '')
        this.guard?.failed(this, error)
      },
      lost: (cause) => {
        const code = codeOf(cause)
        if (code !== undefined) this.ledger.refused(code)
        this.failed(cause)
        return this.loss ?? cause
      },
      closed: () => this.gone(),
    })
  }

  protected override destroySocket(cause?: Error): void {
    // Of what ended by itself the link knows.
    if (cause !== undefined) this.#link.interrupt(cause)
  }

  protected override readSoFar(): Received {
    return { amount: this.#answers, pauses: 0, isRead: true }
  }

  /** While a statement runs, and when the connection is broken, libpq does not know. */
  protected override isInTransaction(): boolean {
    return this.#status !== 'I'
  }
}
