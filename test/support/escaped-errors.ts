import { afterEach, beforeEach, expect } from 'vitest'

/** Fails every test of the file in which an error escaped to the process (invariant I7). */
export function forbidEscapedErrors(): void {
  let escaped: unknown[] = []
  const listener = (error: unknown): void => void escaped.push(error)
  beforeEach(() => {
    escaped = []
    process.on('uncaughtException', listener)
    process.on('unhandledRejection', listener)
  })
  afterEach(async () => {
    await new Promise((resolve) => setTimeout(resolve, 20))
    process.off('uncaughtException', listener)
    process.off('unhandledRejection', listener)
    expect(escaped).toEqual([])
  })
}
