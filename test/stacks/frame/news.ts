/** Those who wait until something that is told of comes about: heard, not polled. */
export class News {
  readonly #waiting = new Set<() => void>()

  /** Has everybody look again. */
  tell(): void {
    for (const look of this.#waiting) look()
  }

  /** Resolves to what `find` finds, now or when there was news; rejects after the limit. */
  until<T>(what: string, find: () => T | undefined, timeoutMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = find()
        if (found === undefined) return
        clearTimeout(timer)
        this.#waiting.delete(look)
        resolve(found)
      }
      const timer = setTimeout(() => {
        this.#waiting.delete(look)
        reject(new Error(`Not within ${timeoutMs} ms: ${what}`))
      }, timeoutMs)
      this.#waiting.add(look)
      look()
    })
  }
}
