import { cannotTakeEffect } from '../../driver/statement-effect.ts'
import { HostLostError, ManagerClosedError } from '../../errors.ts'
import type { NativeQuery } from './native.ts'
import { isUnsafeTransaction } from './session-error.ts'

/** What a statement rejects with that ran on a connection which it shared with those of others, when that is lost. */
export function sharedLoss(hostId: string, { string = '' }: NativeQuery, cause: Error): Error {
  if (cause instanceof HostLostError || cause instanceof ManagerClosedError || isUnsafeTransaction(cause)) return cause
  const outcome = cannotTakeEffect(string, false) ? 'not-executed' : 'unknown'
  return new HostLostError(hostId, outcome, 'ended the connection while a statement ran on it', { cause })
}
