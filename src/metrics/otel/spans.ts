import type { Attributes, Context, Tracer } from '@opentelemetry/api'
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, context, trace } from '@opentelemetry/api'
import type { TopologyChange } from '../../topology/diff.ts'
import { acquireChannel, listenTo, topologyChannel } from '../channels.ts'
import type { AcquireMessage, TopologyMessage } from '../channels.ts'
import type { Names } from './observed-manager.ts'

/** The newest changes, as many as one span may have for events; older ones are forgotten. */
const MOST_CHANGES = 128

interface Change {
  readonly atMs: number
  readonly name: string
  readonly attributes: Attributes
}

/** What spans are made with. */
export interface SpanMaker {
  readonly tracer: Tracer
  readonly manager: object
  readonly names: Names
  /** Acquires that took less get none. */
  readonly fromMs: number
}

/**
 * Makes spans of what the channels tell of one manager: `hasql.acquire` with its two waits, `hasql.failover` or
 * `hasql.outage` for a time without a master; what changed meanwhile are their events. A span is made when it is over, from times that were measured
 * anyway; these are of `performance.now()`, which the tracing API takes. Returns what ends it.
 */
export function makeSpans(maker: SpanMaker): () => void {
  const { manager, fromMs } = maker
  const parents = new WeakMap<AcquireMessage, Context>()
  let changes: readonly Change[] = []
  const offs = [
    listenTo(acquireChannel.start, manager, (message: AcquireMessage) => {
      const parent = context.active()
      if (parent !== ROOT_CONTEXT) parents.set(message, parent)
    }),
    listenTo(acquireChannel.asyncEnd, manager, (message: AcquireMessage) => {
      const { startedAtMs, endedAtMs = startedAtMs, error } = message
      if (error === undefined && endedAtMs - startedAtMs < fromMs) return
      const meanwhile = changes.filter(({ atMs }) => atMs >= startedAtMs && atMs <= endedAtMs)
      acquireSpan(maker, message, parents.get(message) ?? ROOT_CONTEXT, meanwhile)
    }),
    listenTo(topologyChannel.end, manager, ({ atMs, changes: news }: TopologyMessage) => {
      changes = [...changes, ...news.flatMap((change) => eventOf(change, atMs))].slice(-MOST_CHANGES)
      failoverSpan(maker, news, atMs, changes)
    }),
  ]
  return () => {
    for (const off of offs) off()
  }
}

function acquireSpan(
  { tracer, names }: SpanMaker,
  { role, host, startedAtMs, chosenAtMs, endedAtMs = startedAtMs, error }: AcquireMessage,
  parent: Context,
  meanwhile: readonly Change[],
): void {
  const server = host === undefined ? {} : { ...names.servers.get(host), ...names.pools.get(host) }
  const attributes = { 'db.system.name': 'postgresql', ...names.manager, ...server, 'hasql.role': role }
  const options = { kind: SpanKind.CLIENT, startTime: startedAtMs, attributes }
  const span = tracer.startSpan('hasql.acquire', options, parent)
  for (const { name, atMs, attributes: of } of meanwhile) span.addEvent(name, of, atMs)
  const within = trace.setSpan(parent, span)
  const part = (name: string, startTime: number, endMs: number): void => {
    if (endMs > startTime) tracer.startSpan(name, { startTime, attributes }, within).end(endMs)
  }
  part('hasql.wait_for_host', startedAtMs, chosenAtMs ?? endedAtMs)
  part('hasql.wait_for_connection', chosenAtMs ?? endedAtMs, endedAtMs)
  if (error !== undefined) {
    span.setAttribute('error.type', 'code' in error ? String(error.code) : error.name)
    span.setStatus({ code: SpanStatusCode.ERROR, message: error.message })
  }
  span.end(endedAtMs)
}

/** One for each time without a master that is over, and for each change of master that took none; not for the first search. */
function failoverSpan(
  { tracer, names }: SpanMaker,
  news: readonly TopologyChange[],
  atMs: number,
  changes: readonly Change[],
): void {
  const found = news.find((each) => each.kind === 'master-found')
  const moved = news.find((each) => each.kind === 'master-changed')
  if (moved === undefined ? found === undefined : moved.before === undefined) return
  const startTime = atMs - (found?.outageMs ?? 0)
  const attributes = { 'db.system.name': 'postgresql', ...names.manager }
  const name = moved === undefined ? 'hasql.outage' : 'hasql.failover'
  const span = tracer.startSpan(name, { startTime, attributes }, ROOT_CONTEXT)
  for (const each of changes) if (each.atMs >= startTime) span.addEvent(each.name, each.attributes, each.atMs)
  span.end(atMs)
}

function eventOf(change: TopologyChange, atMs: number): readonly Change[] {
  switch (change.kind) {
    case 'host-changed': {
      const { before, after } = change
      const attributes = {
        'hasql.host': after.hostId,
        'hasql.state.before': before.kind,
        'hasql.state.after': after.kind,
      }
      return [{ atMs, name: 'hasql.host_change', attributes }]
    }
    case 'master-changed': {
      const { before = '', after } = change
      return [
        {
          atMs,
          name: 'hasql.master_change',
          attributes: { 'hasql.master.before': before, 'hasql.master.after': after },
        },
      ]
    }
    case 'master-accepted':
    case 'host-suspected':
    case 'replica-detached':
    case 'replica-follows':
    case 'connections-void':
    case 'master-lost':
    case 'master-found':
      return []
  }
}
