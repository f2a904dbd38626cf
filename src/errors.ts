/**
 * The base of every error hasql raises.
 *
 * ```ts
 * try { await db.acquireMaster() } catch (error) { if (error instanceof HasqlError) console.error(error.code) }
 * ```
 * `code` is stable across versions (`ERR_HASQL_…`); messages are for people and may change. No message, property or
 * cause ever holds a password.
 */
export class HasqlError extends Error {
  override readonly name: string = 'HasqlError'
  /** Stable machine-readable identifier, for example `ERR_HASQL_ACQUIRE_TIMEOUT`. */
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
