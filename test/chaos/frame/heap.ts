import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Bytes of the heap in use after everything that can go is gone. */
export function heapInUse(): number {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  if (typeof collect !== 'function') throw new TypeError('This Node has no gc function')
  // Finalizers run between collections, and let more go.
  for (let round = 0; round < 3; round++) Reflect.apply(collect, undefined, [])
  return process.memoryUsage().heapUsed
}
