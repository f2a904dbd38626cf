import { once } from 'node:events'
import type { EventEmitter } from 'node:events'
import { requestCancel } from '../pg/cancel.ts'
import type { CancelledClient, HostPool } from '../pg/cancel.ts'

/**
 * Ends what a client's server is doing for it, and waits until the client is free again: Knex gives it back right after.
 * @throws what `requestCancel` throws; an `AbortError` when the statement did not end in time.
 */
export async function cancelAtHost(
  client: CancelledClient & EventEmitter,
  pools: readonly HostPool[],
  timeoutMs: number,
): Promise<void> {
  // From before the request: the statement may end at once.
  const isFree = once(client, 'drain', { signal: AbortSignal.timeout(timeoutMs) })
  await Promise.all([isFree, requestCancel(client, pools, timeoutMs)])
}
