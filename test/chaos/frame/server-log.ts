import type { PgNode } from 'hasql/testing'

const TIME = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d\.\d+) UTC /

/** When a server wrote lines with `text` to its log, on the clock of `performance.now()`. */
export function loggedAtMs(node: PgNode, text: string): readonly number[] {
  return node
    .log()
    .split('\n')
    .filter((line) => line.includes(text))
    .flatMap((line) => {
      const [, day = '', time = ''] = TIME.exec(line) ?? []
      return day === '' ? [] : [Date.parse(`${day}T${time}Z`) - performance.timeOrigin]
    })
}

/** When a server last began to let clients in. */
export function readyAtMs(node: PgNode): number {
  const last = loggedAtMs(node, 'database system is ready to accept').at(-1)
  if (last === undefined) throw new Error(`${node.name} never let clients in`)
  return last
}
