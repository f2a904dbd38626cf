import { EVENTS, answer } from './answer.ts'
import type { Collector, Viewer } from './collector.ts'

/** How much may wait for a client, in bytes; what comes while more does is dropped. */
const MOST_WAITING = 65_536

/** Answers a request of the Web's kind. It does not tell where it comes from, so there are no actions. */
export async function answerWeb(request: Request, collector: Collector): Promise<Response> {
  const { method, url, headers: asked } = request
  const header = (name: string): string | undefined => asked.get(name) ?? undefined
  const question = { method, url, header, remoteAddress: undefined }
  const { status, headers, body } = await answer(question, collector, undefined)
  const none = method === 'HEAD' || status === 204
  return new Response(none ? null : body === EVENTS ? stream(request.signal, collector) : body, { status, headers })
}

function stream(signal: AbortSignal, collector: Collector): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  let missed = false
  let viewer: Viewer | undefined
  const leave = (): void => {
    if (viewer !== undefined) collector.detach(viewer)
    viewer = undefined
  }
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        viewer = {
          send(event) {
            missed = (controller.desiredSize ?? 0) <= 0
            if (!missed) controller.enqueue(encoder.encode(event))
          },
          end: () => controller.close(),
        }
        signal.addEventListener('abort', leave, { once: true })
        collector.attach(viewer)
      },
      pull() {
        if (missed) viewer?.send(collector.greeting())
      },
      cancel: leave,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: MOST_WAITING }),
  )
}
