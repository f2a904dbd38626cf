import { codeOf } from '../driver/classify-error.ts'
import type { HostId } from '../dsn/host-spec.ts'
import type { Outcome } from '../errors.ts'
import { HostLostError } from '../errors.ts'
import type { HostFault } from '../host-fault.ts'
import type { RetryRules } from './retry-options.ts'

/** How one run of a function ended badly. */
export interface RunFailure {
  /** What the function rejected with, and what that was made of: the chain of causes, as query builders wrap errors. */
  readonly chain: readonly unknown[]
  /** `host:port` of the lease. */
  readonly host: HostId
  /** Whether the error came from the connection of this lease, and not from something else the function did. */
  readonly isOurs: boolean
  /** What it says about the host. */
  readonly fault: HostFault | undefined
  /** Whether it ended, or spoilt, the connection. */
  readonly isRetired: boolean
  /** What is known of all that the run did. */
  readonly outcome: Outcome
}

/** Serialisation failure or, on a replica, a conflict with recovery; deadlock or, on a replica, one with recovery. */
const CONFLICTS: ReadonlySet<string> = new Set(['40001', '40P01'])
/** The database was dropped under a replica's reader. */
const DROPPED = '57P04'

/** Faults that go away by going to another host, or to the same one a little later. */
const PASSING: ReadonlySet<HostFault> = new Set<HostFault>(['down', 'lost', 'silent', 'not-ready', 'role-doubted'])

/**
 * Whether a function that failed may be run again. Pure; the deadline and the number of runs are the caller's to watch.
 *
 * A read has changed nothing, so any trouble with its host or its connection will do, and conflicts with recovery. A write
 * must certainly have left no effect behind, or its caller must have said that a second time does no harm.
 */
export function mayRunAgain(failure: RunFailure, isRead: boolean, rules: RetryRules): boolean {
  const { chain, isOurs, fault, isRetired, outcome } = failure
  if (!isOurs) return false
  const codes = chain.map((error) => codeOf(error) ?? '')
  const isConflict = codes.some((code) => CONFLICTS.has(code))
  if (isRead) {
    // A write sent to a replica is a mistake that no other replica mends.
    if (fault === 'role-doubted' || fault === 'role-hint') return false
    return isConflict || isRetired || fault !== undefined || codes.includes(DROPPED)
  }
  const isSafe = outcome === 'not-executed' || rules.idempotent
  if (isConflict) return rules.conflicts && isSafe
  return fault !== undefined && PASSING.has(fault) && isSafe
}

/**
 * The error to pass on. A lost connection whose outcome is unknown is a `HostLostError` that says so, whatever the driver
 * made of it; everything else is the very object that the function rejected with. A server's last word on a session is no exception:
 * it may come after a statement has ended and before it is committed, or after that, and would pass for a refusal.
 */
export function surfaced({ chain, host, isOurs, fault, outcome }: RunFailure): unknown {
  const [error] = chain
  const isLoss = fault === 'lost' || fault === 'down' || fault === 'silent'
  if (!isOurs || !isLoss || outcome !== 'unknown' || chain.some((each) => each instanceof HostLostError)) return error
  return new HostLostError(host, outcome, 'ended the connection while it was leased', { cause: error })
}
