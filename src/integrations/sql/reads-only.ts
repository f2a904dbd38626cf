/** What says nothing about what a statement does: strings, quoted names, comments. */
const OPAQUE =
  /\be'(?:\\[\s\S]|''|[^'\\])*'|'(?:''|[^'])*'|"(?:""|[^"])*"|--[^\n]*|\/\*[\s\S]*?\*\/|\$([a-z_]\w*)?\$[\s\S]*?\$\1\$/gi

/** What is left of one that did not end where it seemed to: nested comments, an open quote. */
const UNCLEAR = /['"\\]|\/\*|\*\/|\$(?:[a-z_]\w*)?\$/i

const READS = /^[\s(]*(?:select|with|values|table)\b/i

/** `select … into`, `with … insert`, the locking clauses, and whatever begins after the end of the first statement. */
const WRITES = /\b(?:insert|update|delete|merge|into|share)\b|;\s*\S/i

/** PostgreSQL's own functions that change something, or that mean something on the master or in one session only. */
const MASTERS_FUNCTIONS =
  /\b(?:nextval|setval|currval|lastval|set_config|pg_notify|pg_(?:try_)?advisory_\w+|pg_current_(?:xact_id|wal_\w+)|txid_current|lo_\w+)\s*\(/i

/**
 * Whether a statement, by its text, only reads, so that a replica can run it.
 *
 * ```ts
 * readsOnly('select * from orders')                                          // true
 * readsOnly('with new as (insert into orders default values) select 1')      // false
 * ```
 * Where the text leaves a doubt the answer is no: the master can run everything. What a function of the application's own
 * does cannot be seen.
 */
export function readsOnly(text: string): boolean {
  const plain = text.replaceAll(OPAQUE, ' ')
  return READS.test(plain) && !UNCLEAR.test(plain) && !WRITES.test(plain) && !MASTERS_FUNCTIONS.test(plain)
}
