import { IDENTITY_QUERY, LESSER_IDENTITY_QUERY } from '../../../src/monitor/role-query.ts'
import { POSITION_QUERY, ROLE_ONLY_QUERY, ROLE_QUERY } from '../../../src/monitor/role-query.ts'
import { SYNC_WAIT_QUERY } from '../../../src/monitor/sync-wait.ts'
import { TOKEN_QUERY } from '../../../src/monitor/token-query.ts'
import { coded } from './coded.ts'
import type { ScriptedConnection } from './connection.ts'
import type { ScriptedPool } from './pool.ts'
import type { ScriptedProbe } from './probe.ts'

/** What a server answers with; what is left out stays as it was. */
export interface ServerFacts {
  readonly role?: 'master' | 'replica'
  readonly timeline?: number
  readonly systemId?: string
  readonly incarnation?: string
  /** `default_transaction_read_only`. */
  readonly readOnly?: boolean
  readonly lsn?: string
  /** False: the functions around the WAL and the control file are forbidden; `position`: those of the control file. */
  readonly rights?: boolean | 'position'
  /** On a replica: the timeline that its control file shows, if not `timeline` itself. */
  readonly reached?: number | undefined
  /** On a replica: whether it shows the timeline that it receives, which is `timeline`. */
  readonly stats?: boolean
  /** On a replica: the process id of its WAL receiver. */
  readonly receiver?: number | 'none'
  /** The address that the server knows itself by. */
  readonly address?: string
  /** The number of the transaction that is open on every connection. */
  readonly transaction?: string | null
  /** The sessions that wait for a synchronous standby, or the code that the question for them is answered with. */
  readonly waiting?: readonly string[] | { readonly code: string }
}

/** A change of facts; `restart` ends every connection, as only another life of the server can have another identity. */
export interface Becoming extends ServerFacts {
  readonly restart?: true
}

/** Why a server lets nobody in: one of the words, or the code that a new connection fails with. */
export type Trouble =
  'none' | 'down' | 'silent' | 'hanging' | 'starting' | 'refusing' | 'full' | { readonly code: string }

const CODES = { down: 'ECONNREFUSED', starting: '57P03', refusing: '28P01', full: '53300' } as const

/** One server of a test: it does what it is told, at once. */
export class ScriptedHost {
  readonly hostId: string
  /** Connects wait until the test lets them succeed or fail. */
  manualConnects = false
  facts: Required<ServerFacts>
  trouble: Trouble = 'none'
  /** What a connect fails with that is called off; without it, what it was called off with. */
  lastWords: Error | undefined
  pool: ScriptedPool | undefined
  readonly probes: Set<ScriptedProbe> = new Set()
  readonly connections: Set<ScriptedConnection> = new Set()
  /** How many probe connections were ever opened, and how many questions asked. */
  probesOpened = 0
  questions = 0
  /** Of them, those for sessions that wait for a synchronous standby. */
  syncWaitQuestions = 0
  /** Whether it tells new connections if it is a standby, as PostgreSQL does since version 14. */
  tellsRole = false
  /** When each question was asked, for rules about the rate. */
  readonly askedAtMs: number[] = []
  #lives = 1

  constructor(hostId: string) {
    this.hostId = hostId
    const incarnation = `${hostId} life 1`
    const fixed = {
      systemId: '7000',
      readOnly: false,
      lsn: '0/100',
      rights: true as const,
      stats: false,
      receiver: 4711,
      address: hostId,
      transaction: null,
      waiting: [],
    }
    this.facts = { role: 'replica', timeline: 1, reached: undefined, incarnation, ...fixed }
  }

  /** The server answers like this from now on; open connections survive, unless it restarts. */
  become({ restart, ...facts }: Becoming): void {
    if (restart === true) this.die()
    this.facts = { ...this.facts, ...facts }
    this.#setTrouble('none')
  }

  /**
   * New connections meet this trouble; open ones die of `down` and `starting`, hang when `silent`, survive the rest. When
   * `hanging`, only connects are not answered.
   */
  suffer(trouble: Exclude<Trouble, 'none'>): void {
    this.#setTrouble(trouble)
    if (trouble === 'down' || trouble === 'starting') this.die()
  }

  /** The server process ends: every connection with it. The next life is another one. */
  die(): void {
    this.#lives += 1
    this.facts = { ...this.facts, incarnation: `${this.hostId} life ${this.#lives}` }
    const error = coded('57P01', 'terminating connection due to administrator command')
    for (const connection of [...this.connections]) connection.die(error)
    for (const probe of [...this.probes]) probe.die(error)
  }

  /** What a new connection meets now. */
  connectError(): Error | 'hang' | undefined {
    if (this.trouble === 'none') return undefined
    if (this.trouble === 'silent' || this.trouble === 'hanging') return 'hang'
    const code = typeof this.trouble === 'object' ? this.trouble.code : CODES[this.trouble]
    return coded(code, `${this.hostId} says ${code}`)
  }

  /** The answer to one of the monitor's questions. */
  answer(sql: string): readonly (string | null)[] {
    const {
      role,
      timeline,
      reached,
      systemId,
      incarnation,
      address,
      readOnly,
      lsn,
      rights,
      stats,
      receiver,
      transaction,
      waiting,
    } = this.facts
    const roleOnly = [role === 'replica' ? 'true' : 'false', readOnly ? 'on' : 'off']
    if (sql === ROLE_ONLY_QUERY) return roleOnly
    if (sql === LESSER_IDENTITY_QUERY) return [null, incarnation, address, '5432', null]
    if (sql === SYNC_WAIT_QUERY) {
      this.syncWaitQuestions += 1
      if ('code' in waiting) throw coded(waiting.code, 'no')
      return [String(waiting.length), waiting.length === 0 ? null : waiting.join(' ')]
    }
    const position = [...roleOnly, lsn, role === 'replica' ? null : String(timeline)]
    if (rights === 'position' && sql === POSITION_QUERY) return position
    if (rights !== true) throw coded('42501', 'permission denied')
    if (sql === IDENTITY_QUERY) return [systemId, incarnation, address, '5432', null]
    const received = stats && receiver !== 'none' ? String(timeline) : null
    const shown = role === 'replica' ? [String(reached ?? timeline), received, String(receiver)] : [null, null, null]
    if (sql === ROLE_QUERY) return [...position, ...shown]
    if (sql === TOKEN_QUERY) return [transaction, systemId, ...position.slice(2).reverse(), '8192']
    throw new Error(`an unknown question: ${sql}`)
  }

  #setTrouble(trouble: Trouble): void {
    this.trouble = trouble
    if (trouble === 'silent') return
    for (const probe of [...this.probes]) probe.thaw()
    if (!this.manualConnects) this.pool?.connectAll()
  }
}
