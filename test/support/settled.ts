/** A promise whose end a test can look at without waiting for it; a rejection is always handled. */
export class Settled<T> {
  value: T | undefined
  error: unknown
  state: 'pending' | 'resolved' | 'rejected' = 'pending'

  constructor(promise: Promise<T>) {
    promise.then(
      (value) => {
        this.state = 'resolved'
        this.value = value
      },
      (error: unknown) => {
        this.state = 'rejected'
        this.error = error
      },
    )
  }

  /** What it resolved with. */
  get got(): T {
    if (this.value === undefined) throw new Error(`it is ${this.state}`, { cause: this.error })
    return this.value
  }
}

export function settled<T>(promise: Promise<T>): Settled<T> {
  return new Settled(promise)
}
