import type { IncomingMessage, ServerResponse } from 'node:http'
import { ms } from '../time/milliseconds.ts'
import { systemClock } from '../time/system-clock.ts'
import type { Timer } from '../time/clock.ts'
import { EVENTS, answer } from './answer.ts'
import type { Question } from './answer.ts'
import type { Collector, Viewer } from './collector.ts'
import type { DashboardActions } from './watched.ts'

/** A client that takes nothing for so long is gone. */
const STALLED_MS = ms(30_000)

/** Answers a request of node's own server, and of those that are built on it. */
export async function answerNode(
  request: IncomingMessage,
  response: ServerResponse,
  collector: Collector,
  actions: DashboardActions | undefined,
): Promise<void> {
  const { status, headers, body } = await answer(questionOf(request), collector, actions)
  if (response.destroyed) return
  response.writeHead(status, headers)
  if (body === EVENTS) stream(response, collector)
  else response.end(request.method === 'HEAD' ? undefined : body)
}

function questionOf({ method = 'GET', url = '/', headers, socket }: IncomingMessage): Question {
  const header = (name: string): string | undefined => {
    const value = headers[name]
    return typeof value === 'string' ? value : undefined
  }
  return { method, url, header, remoteAddress: socket.remoteAddress }
}

/** Of what a client is too slow for nothing is kept: it gets the whole once more when it can take it. */
function stream(response: ServerResponse, collector: Collector): void {
  let missed = false
  let stalled: Timer | undefined
  const viewer: Viewer = {
    send(event) {
      missed = response.writableNeedDrain
      if (!missed) response.write(event)
      else stalled ??= systemClock.setTimer(STALLED_MS, () => response.destroy(), 'nothing')
    },
    end: () => response.end(),
  }
  response.on('drain', () => {
    stalled?.cancel()
    stalled = undefined
    if (missed) viewer.send(collector.greeting())
  })
  response.once('close', () => {
    stalled?.cancel()
    collector.detach(viewer)
  })
  response.on('error', () => response.destroy())
  collector.attach(viewer)
}
