import { OptionsError } from '../errors.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import { ms } from '../time/milliseconds.ts'

/** The longest time a Node timer can take. */
const LONGEST_MS = 2 ** 31 - 1

/** The options themselves, if they are an object. @throws {OptionsError} */
export function objectOf<T>(where: string, input: T): T {
  if (typeof input === 'object' && input !== null && !Array.isArray(input)) return input
  throw new OptionsError(where, `The options of ${where} must be an object`)
}

/**
 * Refuses keys that are not options, naming the closest one.
 * @throws {OptionsError}
 */
export function oneOfKeys(where: string, input: object, known: readonly string[]): void {
  for (const key of Object.keys(objectOf(where, input))) {
    if (known.includes(key)) continue
    const close = closest(key, known)
    const hint = close === undefined ? `Known options: ${known.join(', ')}` : `Did you mean ${close}?`
    throw new OptionsError(key, `${where} has no option '${key}'. ${hint}`)
  }
}

/** Of the known words the one that a mistyped one is close to, if any is. */
export function closest(word: string, known: readonly string[]): string | undefined {
  const limit = Math.max(2, word.length / 4)
  return known.find((name) => distance(name.toLowerCase(), word.toLowerCase()) <= limit)
}

/** A positive number of milliseconds that a timer can take. */
export function durationMs(name: string, value: number): Milliseconds {
  if (typeof value === 'number' && value > 0 && value <= LONGEST_MS) return ms(value)
  throw new OptionsError(
    name,
    `${name} must be a number of milliseconds from 1 to ${LONGEST_MS}, but is ${show(value)}`,
  )
}

/** A number of milliseconds that may be 0. */
export function waitMs(name: string, value: number): Milliseconds {
  return value === 0 ? ms(0) : durationMs(name, value)
}

/** A share from 0 to 1. */
export function share(name: string, value: number): number {
  if (typeof value === 'number' && value >= 0 && value <= 1) return value
  throw new OptionsError(name, `${name} must be a number from 0 to 1 (0.1 is every tenth), but is ${show(value)}`)
}

/** A weight of at least 0. */
export function weight(hostId: string, value: number): number {
  if (typeof value === 'number' && value >= 0 && Number.isFinite(value)) return value
  throw new OptionsError('weight', `The weight of ${hostId} must be a number of at least 0, but is ${show(value)}`)
}

/** A whole number of at least 0. */
export function count(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 0) return value
  throw new OptionsError(name, `${name} must be a whole number of at least 0, but is ${show(value)}`)
}

function show(value: unknown): string {
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : `a ${typeof value}`
}

/** Levenshtein's distance: how many letters apart two words are. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (const [line, letter] of one.split('').entries()) {
    const next = [line + 1]
    for (const [column, counterpart] of other.split('').entries()) {
      const substituted = (row[column] ?? 0) + (letter === counterpart ? 0 : 1)
      next.push(Math.min(substituted, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1))
    }
    row = next
  }
  return row[other.length] ?? 0
}
