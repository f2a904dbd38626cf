/** Codes of a failed connect from the mildest on; a part with any other code says more than these. */
const MILDEST_FIRST = [
  'ETIMEDOUT',
  'ENETUNREACH',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ECONNREFUSED',
]

/** No more addresses than these are listed in a message. */
const MOST_LISTED = 8

/**
 * What was thrown, as one plain Error: JavaScript lets anything be thrown, and Node throws an `AggregateError` with an
 * empty message when a name has several addresses and all of them fail.
 *
 * ```ts
 * toError(aggregate).message   // '2 addresses failed: connect ECONNREFUSED ::1:5432; connect ETIMEDOUT 10.0.0.7:5432'
 * toError(aggregate).code      // 'ECONNREFUSED': of the worst part, which is also the `cause`
 * ```
 */
export function toError(thrown: unknown): Error {
  if (thrown instanceof AggregateError) return flatten(thrown)
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}

function flatten(aggregate: AggregateError): Error {
  const parts = partsOf(aggregate)
  const [first, ...others] = parts
  if (first === undefined)
    return new Error(aggregate.message === '' ? 'failed for no stated reason' : aggregate.message)
  if (others.length === 0) return first
  const worst = others.reduce((one, other) => (rank(other) > rank(one) ? other : one), first)
  const texts = parts.slice(0, MOST_LISTED).map(describe)
  const more = parts.length > MOST_LISTED ? `; and ${parts.length - MOST_LISTED} more` : ''
  const error = new Error(`${parts.length} addresses failed: ${texts.join('; ')}${more}`, { cause: worst })
  const code = codeOf(worst)
  return code === undefined ? error : Object.assign(error, { code })
}

/** Of an error of errors of errors, the innermost ones, each of them plain. */
function partsOf(aggregate: AggregateError): readonly Error[] {
  return aggregate.errors.flatMap((part: unknown) => (part instanceof AggregateError ? partsOf(part) : [toError(part)]))
}

function describe(error: Error): string {
  return error.message === '' ? (codeOf(error) ?? error.name) : error.message
}

/** The higher, the worse; an error without a code says nothing. */
function rank(error: Error): number {
  const code = codeOf(error)
  if (code === undefined) return -1
  const place = MILDEST_FIRST.indexOf(code)
  return place < 0 ? MILDEST_FIRST.length : place
}

function codeOf(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
