import { acquireChannel, publishEnd } from '../metrics/channels.ts'
import type { AcquireMessage } from '../metrics/channels.ts'
import type { Clock } from '../time/clock.ts'
import type { AcquirePlan } from './acquire-options.ts'
import type { Acquisition } from './acquisition.ts'

type Granted<TConnection> = (connection: TConnection) => void
type Failed = (error: Error) => void

/** Begins an acquisition of which `hasql:acquire` is told. Only called while somebody listens. */
export function traceAcquire<TConnection, TPool>(
  manager: object,
  clock: Clock,
  { target: { role }, timeoutMs }: AcquirePlan,
  make: (granted: Granted<TConnection>, failed: Failed) => Acquisition<TConnection, TPool>,
  granted: Granted<TConnection>,
  failed: Failed,
): void {
  const acquisition = make(
    (connection) => {
      end()
      granted(connection)
    },
    (error) => {
      message.error = error
      end()
      failed(error)
    },
  )
  const message: AcquireMessage = { manager, role, timeoutMs, startedAtMs: acquisition.startedAtMs }
  const end = (): void => {
    message.host = acquisition.candidate?.hostId
    message.chosenAtMs = acquisition.chosenAtMs
    message.endedAtMs = acquisition.grantedAtMs ?? clock.nowMs()
    publishEnd(acquireChannel, message)
  }
  acquireChannel.start.runStores(message, () => acquisition.begin())
  acquireChannel.end.publish(message)
}
