import { redact } from '../dsn/redact.ts'
import { toError } from '../to-error.ts'
import { isOwnAndLocal } from './own-origin.ts'
import type { Collector } from './collector.ts'
import { PAGE, SCRIPT_HASH, STYLE_HASH } from './page.ts'
import type { DashboardActions } from './watched.ts'

/** A request, whatever server it came from. */
export interface Question {
  readonly method: string
  /** As the client wrote it, or without the path that the handler is mounted under. */
  readonly url: string
  readonly header: (name: string) => string | undefined
  /** The other end of the socket; undefined: not known. */
  readonly remoteAddress: string | undefined
}

export type Headers = Readonly<Record<string, string>>

/** Instead of a body: the events are sent for as long as the client listens. */
export const EVENTS: unique symbol = Symbol('events')

/** What is answered. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: string | typeof EVENTS
}

/** What a path alone is relative to; the name is never looked at. */
const HERE = 'http://dashboard'

/** The page runs its own code and talks to where it came from; nothing may frame it. */
const GUARD: Headers = {
  'content-security-policy': [
    "default-src 'none'",
    `script-src '${SCRIPT_HASH}'`,
    `style-src '${STYLE_HASH}'`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
}

/** What the page and its data are; the last part of the path decides, so that any path can lead here. */
export async function answer(
  question: Question,
  collector: Collector,
  actions: DashboardActions | undefined,
): Promise<Answer> {
  const url = question.url.replace(/^\/+/, '/')
  if (!URL.canParse(url, HERE)) return text(400, 'This is no URL.')
  const { pathname, searchParams } = new URL(url, HERE)
  const name = pathname.slice(pathname.lastIndexOf('/') + 1)
  if (name === 'action' && actions !== undefined) return act(question, searchParams, actions)
  if (question.method !== 'GET' && question.method !== 'HEAD') {
    return text(405, 'The dashboard is read-only.', { allow: 'GET, HEAD' })
  }
  if (name === 'events') return events(question, collector)
  if (name === 'snapshot.json') return typed(200, 'application/json', JSON.stringify(collector.view()))
  if (name.includes('.')) return text(404, 'There is no such file.')
  return typed(200, 'text/html; charset=utf-8', PAGE)
}

function events({ method }: Question, collector: Collector): Answer {
  const { refusal } = collector
  // The status that tells a browser's EventSource not to come again.
  if (refusal === 'closed') return { status: 204, headers: GUARD, body: '' }
  if (refusal === 'full') return text(503, 'Too many look at the dashboard now.', { 'retry-after': '10' })
  // Nothing on the way may hold events back to compress or to buffer them.
  const headers = { ...GUARD, 'content-type': 'text/event-stream', 'cache-control': 'no-store, no-transform' }
  return { status: 200, headers: { ...headers, 'x-accel-buffering': 'no' }, body: method === 'HEAD' ? '' : EVENTS }
}

async function act(question: Question, query: URLSearchParams, actions: DashboardActions): Promise<Answer> {
  if (question.method !== 'POST') return text(405, 'Actions are posted.', { allow: 'POST' })
  if (!isOwnAndLocal(question)) return text(403, 'Actions are for the page itself, opened on this machine.')
  const [action, host] = [query.get('action') ?? '', query.get('host') ?? '']
  if (!actions.of(host).includes(action)) return text(409, 'This cannot be done to this host now.')
  try {
    await actions.run(action, host)
    return text(200, 'Done.')
  } catch (thrown) {
    return text(409, redact(toError(thrown).message))
  }
}

/** A short text in plain words. */
export function text(status: number, words: string, headers: Headers = {}): Answer {
  return typed(status, 'text/plain; charset=utf-8', words, headers)
}

function typed(status: number, type: string, body: string, headers: Headers = {}): Answer {
  return { status, headers: { ...GUARD, ...headers, 'content-type': type }, body }
}
