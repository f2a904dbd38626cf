/** Runs what `process.nextTick` and promises have queued, at once; Node has kept it on `process` since its early days. */
const tick = Reflect.get(process, '_tickCallback') as (() => void) | undefined

/**
 * Calls `step` until it returns false; between two calls every promise that can settle does. Resolves with their number.
 *
 * A turn of Node's own event loop costs ten times a step of a simulation, so it is taken only where Node does not offer
 * to drain its queues without one.
 */
export function runSteps(step: () => boolean): Promise<number> {
  return new Promise((resolve, reject) => {
    let steps = 0
    const turn = (): void => {
      try {
        while (step()) {
          steps += 1
          if (tick === undefined) return void setImmediate(turn)
          tick()
        }
        resolve(steps)
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)))
      }
    }
    setImmediate(turn)
  })
}
