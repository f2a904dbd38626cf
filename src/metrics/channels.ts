import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import type { Channel, TracingChannel } from 'node:diagnostics_channel'
import type { HostId } from '../dsn/host-spec.ts'
import type { HostFault } from '../host-fault.ts'
import type { TopologyChange } from '../topology/diff.ts'
import type { RoleAnswer } from '../topology/observation.ts'
import type { Topology } from '../topology/topology.ts'

/** What `hasql:acquire` tells; times are on the manager's monotonic clock, which is `performance.now()`. */
export interface AcquireMessage {
  /** The pool manager. */
  readonly manager: object
  readonly role: 'master' | 'replica' | 'any'
  readonly timeoutMs: number
  readonly startedAtMs: number
  /** The host that was chosen last, and when; undefined while there is none. From here on they are known at the end. */
  host?: HostId | undefined
  chosenAtMs?: number | undefined
  endedAtMs?: number | undefined
  /** Why there is no connection. */
  error?: Error
}

/** What `hasql:probe` tells of one check of one host. */
export interface ProbeMessage {
  /** The pool manager. */
  readonly manager: object
  readonly host: HostId
  /** The number of the check: each host's are counted. */
  readonly probe: number
  /** What the host answered, and how long that took. */
  answer?: RoleAnswer
  roundTripMs?: number
  /** Why there is no answer, and what that says of the host. */
  error?: Error
  fault?: HostFault
}

/** What `hasql:topology` tells: `start` before a change takes effect, `end` when it has, and all listeners were told. */
export interface TopologyMessage {
  /** The pool manager. */
  readonly manager: object
  /** When, on the manager's clock. */
  readonly atMs: number
  readonly topology: Topology
  readonly changes: readonly TopologyChange[]
}

/** Each acquire of each manager, from the call to the lease or the error. */
export const acquireChannel: TracingChannel<unknown, AcquireMessage> = tracingChannel('hasql:acquire')
/** Each check of each host. */
export const probeChannel: TracingChannel<unknown, ProbeMessage> = tracingChannel('hasql:probe')
/** Each snapshot in which something changed; what takes effect does so between `start` and `end`. */
export const topologyChannel: TracingChannel<unknown, TopologyMessage> = tracingChannel('hasql:topology')

type Heard = Readonly<
  Record<'start' | 'end' | 'asyncStart' | 'asyncEnd' | 'error', { readonly hasSubscribers: boolean }>
>

/** Whether anybody listens to any part. Bun's tracing channels do not say that themselves. */
export function isHeard({ start, end, asyncStart, asyncEnd, error }: Heard): boolean {
  const isOver = asyncStart.hasSubscribers || asyncEnd.hasSubscribers || error.hasSubscribers
  return isOver || start.hasSubscribers || end.hasSubscribers
}

/** Listens to what a channel tells of one manager; returns what ends that. */
export function listenTo<TMessage extends { readonly manager: object }>(
  channel: Channel<unknown, TMessage>,
  manager: object,
  listener: (message: TMessage) => void,
): () => void {
  const isOwn = (message: unknown): message is TMessage =>
    typeof message === 'object' && message !== null && 'manager' in message && message.manager === manager
  const heard = (message: unknown): void => {
    if (isOwn(message)) listener(message)
  }
  subscribe(channel.name, heard)
  return () => void unsubscribe(channel.name, heard)
}

/** Tells the end of what was begun, as `tracePromise` would. */
export function publishEnd<TMessage extends { error?: Error }>(
  { error, asyncStart, asyncEnd }: TracingChannel<unknown, TMessage>,
  message: TMessage,
): void {
  if (message.error !== undefined) error.publish(message)
  asyncStart.publish(message)
  asyncEnd.publish(message)
}
