import type { IncomingMessage, ServerResponse } from 'node:http'
import { redact } from '../dsn/redact.ts'
import { OptionsError } from '../errors.ts'
import { oneOfKeys } from '../manager/check-option.ts'
import { toError } from '../to-error.ts'
import { Collector } from './collector.ts'
import { answerNode } from './node-handler.ts'
import { answerWeb } from './web-handler.ts'
import type { DashboardOptions, WatchedManager } from './watched.ts'

export type { DashboardActions, DashboardOptions, WatchedManager } from './watched.ts'

/** A request handler for `node:http` and what is built on it; `fetch` is the same for servers of the Web's kind. */
export interface Dashboard {
  (request: IncomingMessage, response: ServerResponse): void
  /** Answers a `Request`, for Hono and the like. */
  readonly fetch: (request: Request) => Promise<Response>
  /** Ends the pages that are open, and stops listening to the manager. Closing the manager does the same. */
  readonly close: () => void
}

/**
 * A live page about a manager: which host is what and why, what changed when, response times, lag and load.
 *
 * ```ts
 * createServer(dashboard(db)).listen(8080, '127.0.0.1')
 * ```
 * It binds to nothing by itself and may be mounted under any path. It asks for no password: whoever reaches it sees the
 * names of the hosts, what they are and what their errors say, but no secret, and can change nothing. While nobody looks,
 * no timer runs. It does not start the manager.
 * @throws {OptionsError} an option is unknown, or is not what it should be.
 */
export function dashboard(db: WatchedManager, options: DashboardOptions = {}): Dashboard {
  oneOfKeys('dashboard', options, ['title', 'actions'])
  const { title, actions } = options
  if (title !== undefined && typeof title !== 'string') throw new OptionsError('title', 'title must be a text')
  if (actions !== undefined && (typeof actions.of !== 'function' || typeof actions.run !== 'function')) {
    throw new OptionsError('actions', 'actions must be an object with the functions of(host) and run(action, host)')
  }
  const collector = new Collector(db, options)
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    answerNode(request, response, collector, actions).catch((thrown: unknown) => {
      // What the caller gave us has thrown, `actions` say; the application goes on.
      if (!response.headersSent) response.writeHead(500)
      response.end(redact(toError(thrown).message))
    })
  }
  return Object.assign(handle, {
    fetch: (request: Request) => answerWeb(request, collector),
    close: () => collector.close(),
  })
}
