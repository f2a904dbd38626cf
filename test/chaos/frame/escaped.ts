/** Catches what no fault may let escape to the process (invariant I7). */
export class EscapedErrors implements Disposable {
  readonly caught: string[] = []
  readonly #onException = (error: unknown): void => void this.caught.push(`uncaughtException: ${told(error)}`)
  readonly #onRejection = (error: unknown): void => void this.caught.push(`unhandledRejection: ${told(error)}`)

  constructor() {
    process.on('uncaughtException', this.#onException)
    process.on('unhandledRejection', this.#onRejection)
  }

  [Symbol.dispose](): void {
    process.off('uncaughtException', this.#onException)
    process.off('unhandledRejection', this.#onRejection)
  }
}

function told(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
