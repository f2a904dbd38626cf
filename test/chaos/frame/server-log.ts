import type { PgNode } from 'hasql/testing'

const READY = /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+) UTC .* database system is ready to accept/

/** When a server last began to let clients in, by its own log, on the clock of `performance.now()`. */
export function readyAtMs(node: PgNode): number {
  const times = node
    .log()
    .split('\n')
    .flatMap((line) => READY.exec(line)?.[1] ?? [])
  const last = times.at(-1)
  if (last === undefined) throw new Error(`${node.name} never let clients in`)
  return Date.parse(`${last.replace(' ', 'T')}Z`) - performance.timeOrigin
}
