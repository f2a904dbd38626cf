import { HasqlError } from '../errors.ts'

/**
 * A host name was not resolved in the time there is for a connect, and no address of it was known from before.
 *
 * The resolver is slow or dead, not necessarily the host. `hostname` is the name; `behind` is the name whose look-up was
 * waited for first, undefined when the name's own look-up was under way.
 */
export class LookupTimeoutError extends HasqlError {
  override readonly name = 'LookupTimeoutError'
  readonly hostname: string
  readonly behind: string | undefined

  constructor(hostname: string, waitedMs: number, behind: string | undefined) {
    const why = behind === undefined ? '' : `, waiting behind the look-up of '${behind}'`
    super(
      'ERR_HASQL_LOOKUP_TIMEOUT',
      `The resolver gave no address for '${hostname}' within ${Math.round(waitedMs)} ms${why}, and none is known from before`,
    )
    this.hostname = hostname
    this.behind = behind
  }
}
