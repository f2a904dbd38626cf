import type { Outcome } from '../errors.ts'
import { cannotTakeEffect, leavesNoTrace } from './statement-effect.ts'

/** Warnings with which a server says that it is going, or that a commit is not on the replicas it was to wait for. */
const DOUBTS: ReadonlySet<string> = new Set(['57P01', '57P02', '01000'])

/**
 * What is known of the effects of a connection's current lease: whether anything was sent that was not answered, and
 * whether anything that was answered took effect. Kept with a few numbers, as every query passes by here.
 */
export class Ledger {
  readonly #isInTransaction: () => boolean
  /** Statements asked for and not answered yet; too high when the driver itself refused one, which only makes us careful. */
  #asked = 0
  /** Answers that have come to their end. */
  #answered = 0
  #last: unknown
  /** How often the stream was written to; undefined when nobody counts. */
  #writes: number | undefined
  /** The same when the lease began, if all that was asked before was answered. */
  #writesAtBegin: number | undefined
  /** Something ended since the last ReadyForQuery that took effect if no transaction is open then. */
  #hasEnded = false
  #refusal: string | undefined
  #isDoubted = false
  #tookEffect = false

  /** @param isInTransaction - whether a transaction block was open, failed or not, when everything was answered last. */
  constructor(isInTransaction: () => boolean) {
    this.#isInTransaction = isInTransaction
  }

  /** A number that stands for the statement that is being answered, no two of them the same; undefined while none is. */
  get underWay(): number | undefined {
    return this.#asked > 0 ? this.#answered : undefined
  }

  /** A lease begins. What an earlier holder left unanswered stays in doubt. */
  begin(): void {
    this.#tookEffect = false
    this.#writesAtBegin = this.#asked === 0 ? this.#writes : undefined
  }

  /** Something was written to the stream; the first time before the first lease, to log in. */
  wrote(): void {
    this.#writes = (this.#writes ?? 0) + 1
  }

  /** A statement was handed to the driver: a text, or an object that has one. */
  asked(statement: unknown): void {
    this.#asked += 1
    this.#last = statement
  }

  /** CommandComplete. Inside a transaction only a commit counts; whether one is open, the next ReadyForQuery says. */
  completed(tag: string): void {
    if (tag === 'COMMIT') this.#tookEffect = true
    else if (!this.#tookEffect && !leavesNoTrace(tag)) this.#hasEnded = true
  }

  /**
   * ErrorResponse: what ended before it in the same implicit transaction is undone, if this is the answer to that, and not
   * already the end of the session: the ReadyForQuery that follows, or its absence, tells.
   */
  refused(code: string): void {
    this.#isDoubted ||= this.#hasEnded
    this.#hasEnded = false
    this.#refusal = code
  }

  /** NoticeResponse. */
  noticed(code: string | undefined): void {
    this.#isDoubted ||= DOUBTS.has(code ?? '')
  }

  /** ReadyForQuery: everything up to here was answered, unless statements are sent ahead of the answers. */
  ready(status: string): void {
    if (this.#hasEnded && status === 'I') this.#tookEffect = true
    this.#hasEnded = false
    this.#refusal = undefined
    this.#isDoubted = false
    this.#answered += 1
    if (this.#asked > 0) this.#asked -= 1
    if (this.#asked > 0) return
    this.#last = undefined
  }

  outcome(): Outcome {
    if (this.#tookEffect) return 'unknown'
    return this.#asked === 0 || this.#isUnsent() || this.#isUndone() ? 'not-executed' : 'unknown'
  }

  /** Whether nothing at all was written during the lease, though something was asked for. */
  #isUnsent(): boolean {
    return this.#writesAtBegin !== undefined && this.#writes === this.#writesAtBegin
  }

  /** Whether the one statement that was sent and not answered to its end certainly took no effect. */
  #isUndone(): boolean {
    if (this.#asked !== 1 || this.#isDoubted) return false
    if (this.#refusal !== undefined) return !speaksForAnother(this.#refusal)
    const text = textOf(this.#last)
    return text !== undefined && cannotTakeEffect(text, this.#isInTransaction())
  }
}

/** A pooler that lost its server (08xxx), and a server whose other process crashed, say nothing of the statement. */
function speaksForAnother(code: string): boolean {
  return code.startsWith('08') || code === '57P02'
}

function textOf(statement: unknown): string | undefined {
  if (typeof statement === 'string') return statement
  if (typeof statement !== 'object' || statement === null || !('text' in statement)) return undefined
  return typeof statement.text === 'string' ? statement.text : undefined
}
