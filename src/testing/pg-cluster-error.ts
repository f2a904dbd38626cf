import { HasqlError } from '../errors.ts'

/** What went wrong in `hasql/testing`, as a stable code. */
export type PgClusterErrorCode =
  | 'ERR_HASQL_TESTING_MISSING_PACKAGE'
  | 'ERR_HASQL_TESTING_PLATFORM'
  | 'ERR_HASQL_TESTING_START'
  | 'ERR_HASQL_TESTING_STATE'
  | 'ERR_HASQL_TESTING_TIMEOUT'
  | 'ERR_HASQL_TESTING_CLOSED'

/**
 * A throw-away cluster could not do what was asked.
 *
 * ```ts
 * try { await node.promote() } catch (error) { if (error instanceof PgClusterError) console.error(error.code) }
 * ```
 * `…_MISSING_PACKAGE`: an npm package is not installed, the message says which command installs it · `…_PLATFORM`: no
 * server for this system · `…_START`: a server did not start, the message ends with its log · `…_STATE`: the node is
 * not in a state that allows this · `…_TIMEOUT`: it took too long · `…_CLOSED`: the cluster is closed. Wrong options
 * are an `OptionsError`.
 */
export class PgClusterError extends HasqlError {
  override readonly name = 'PgClusterError'
  override readonly code: PgClusterErrorCode

  constructor(code: PgClusterErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options)
    this.code = code
  }
}
