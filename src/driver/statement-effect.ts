/**
 * Command tags after which nothing is left but in the session itself, which ends with the connection. What is not here
 * counts as having done something: a SELECT may call a function that writes.
 */
const TRACELESS: ReadonlySet<string> = new Set([
  'BEGIN',
  'START TRANSACTION',
  'ROLLBACK',
  'SAVEPOINT',
  'RELEASE',
  'SET',
  'SET CONSTRAINTS',
  'RESET',
  'SHOW',
  'PREPARE',
  'DEALLOCATE',
  'DEALLOCATE ALL',
  'DISCARD',
  'DISCARD ALL',
  'LISTEN',
  'UNLISTEN',
  'DECLARE CURSOR',
  'CLOSE CURSOR',
  'CLOSE CURSOR ALL',
])

/** A single statement that by itself changes nothing but the session: no second one can follow in the text. */
const SESSION_ONLY =
  /^\s*(?:begin|start\s+transaction|set|reset|show|savepoint|release|deallocate|discard|listen|unlisten)\b[^;]*;?\s*$/i

/** Words without which a text cannot end a transaction block, so that what follows would take effect by itself. */
const MAY_END = /\b(?:commit|end|prepare|rollback|abort)\b/i

/** Nothing but a rollback, of all or to a savepoint: done or not, what came before in the transaction is not kept. */
const ONLY_ROLLS_BACK = /^\s*(?:rollback|abort)(?:\s+(?:work|transaction))?(?:\s+to\s+(?:savepoint\s+)?\w+)?\s*;?\s*$/i

/**
 * Whether a statement that ended with this command tag has changed nothing that outlives its session.
 *
 * ```ts
 * leavesNoTrace('BEGIN')       // true
 * leavesNoTrace('INSERT 0 1')  // false: it has, unless a transaction is open
 * ```
 */
export function leavesNoTrace(tag: string): boolean {
  // What touched rows says how many: most tags end here, before they would be looked up.
  return !isDigit(tag.charCodeAt(tag.length - 1)) && TRACELESS.has(tag)
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

/**
 * Whether a statement that was sent and never answered certainly took no effect, now that its connection is gone: inside
 * an open transaction block because nothing in its text can end the block, outside because it only touches the session.
 *
 * ```ts
 * cannotTakeEffect('insert into t values (1)', true)    // true: rolled back with its transaction
 * cannotTakeEffect('commit', true)                      // false
 * cannotTakeEffect('begin', false)                      // true
 * ```
 */
export function cannotTakeEffect(text: string, inTransaction: boolean): boolean {
  if (!inTransaction) return SESSION_ONLY.test(text)
  return !MAY_END.test(text) || ONLY_ROLLS_BACK.test(text)
}
