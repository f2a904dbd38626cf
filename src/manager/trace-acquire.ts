import type { HostId } from '../dsn/host-spec.ts'
import { acquireChannel, publishEnd } from '../metrics/channels.ts'
import type { AcquireMessage } from '../metrics/channels.ts'
import type { AcquireDesk } from './acquire-desk.ts'
import type { AcquirePlan } from './acquire-options.ts'
import { Acquisition } from './acquisition.ts'

/** Makes and begins an acquisition of which `hasql:acquire` is told. Only called while somebody listens. */
export function traceAcquire<TConnection, TPool>(
  manager: object,
  desk: AcquireDesk<TConnection, TPool>,
  { target, timeoutMs, signal }: AcquirePlan,
  shunned: ReadonlySet<HostId> | undefined,
  granted: (connection: TConnection) => void,
  failed: (error: Error) => void,
): void {
  const end = (): void => {
    const { candidate, chosenAtMs, lease } = acquisition
    message.host = candidate?.hostId
    message.chosenAtMs = chosenAtMs ?? (candidate === undefined ? undefined : startedAtMs)
    message.endedAtMs = lease?.grantedAtMs ?? desk.clock.nowMs()
    publishEnd(acquireChannel, message)
  }
  const done = (connection: TConnection): void => {
    end()
    granted(connection)
  }
  const gaveUp = (error: Error): void => {
    message.error = error
    end()
    failed(error)
  }
  const acquisition = new Acquisition(desk, target, timeoutMs, signal, shunned, done, gaveUp)
  const { startedAtMs } = acquisition
  // All fields from the start: an object that grows is slower.
  const yet = { host: undefined, chosenAtMs: undefined, endedAtMs: undefined }
  const message: AcquireMessage = { manager, role: target.role, timeoutMs, startedAtMs, ...yet }
  acquireChannel.start.runStores(message, () => acquisition.begin())
  acquireChannel.end.publish(message)
}
