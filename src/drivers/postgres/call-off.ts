import type { NativeQuery } from './native.ts'
import { cancelledError } from './session-error.ts'

/** Rejects a query that was not sent; it will not be sent any more. */
export function callOff(query: NativeQuery): void {
  if (query.state !== null) return
  query.cancelled = true
  // Who calls off what he does not wait for is told of nothing.
  query.catch(() => undefined)
  query.reject(cancelledError())
}
