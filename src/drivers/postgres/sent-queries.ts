import type { NativeQuery } from './native.ts'

/** After so many answered queries at the front the list is cut. */
const CUT_AT = 256

/** The queries that a session has sent and that have not been answered, in their order, which is that of the answers. */
export class SentQueries {
  #queries: NativeQuery[] = []
  #first = 0

  get length(): number {
    return this.#queries.length - this.#first
  }

  get head(): NativeQuery | undefined {
    return this.#queries[this.#first]
  }

  push(query: NativeQuery): void {
    this.#queries.push(query)
  }

  /** Takes the first out; the list does not keep it. */
  shift(): NativeQuery | undefined {
    const head = this.head
    if (head === undefined) return undefined
    this.#first += 1
    if (this.#first === this.#queries.length) {
      this.#queries.length = 0
      this.#first = 0
    } else if (this.#first >= CUT_AT) {
      this.#queries = this.#queries.slice(this.#first)
      this.#first = 0
    }
    return head
  }

  /** Takes the last one out again: it was not sent after all. */
  dropLast(): void {
    this.#queries.pop()
    if (this.#first >= this.#queries.length) {
      this.#queries.length = 0
      this.#first = 0
    }
  }

  takeAll(): readonly NativeQuery[] {
    const all = this.#queries.slice(this.#first)
    this.#queries = []
    this.#first = 0
    return all
  }
}
