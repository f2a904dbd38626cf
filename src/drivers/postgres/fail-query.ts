import type { NativeQuery } from './native.ts'

/** Rejects a query whose connection is lost. */
export function failQuery(query: NativeQuery, error: Error): void {
  query.reject(error)
  if (query.cursorFn === undefined) return
  // A cursor that nobody is fetching from just now would come to its end, as if there were no more rows. It asks whether it is
  // active, and leaves word for whom to tell.
  query.active = true
  Object.defineProperty(query, 'reject', {
    get: () => () => undefined,
    set: (reject: NativeQuery['reject']) => reject(error),
  })
}
