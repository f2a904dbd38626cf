import { OptionsError } from '../errors.ts'
import { oneOfKeys } from './check-option.ts'

/** When a function is run again; see `retry` of `withMaster`. */
export interface RetryOptions {
  /**
   * Whether a write is run again also when its outcome is unknown, because doing it twice is the same as doing it once.
   * Default false: such an error is passed on.
   */
  readonly idempotent?: boolean
  /** Whether a write is run again after a conflict with another transaction (40001, 40P01). Default false. */
  readonly conflicts?: boolean
  /** How often the function is run at most, the first time included. Default 10. */
  readonly maxAttempts?: number
}

/** What `with…` takes as `retry`: nothing or false for off, true for the defaults. */
export type Retry = boolean | RetryOptions

/** `RetryOptions` with their defaults. */
export type RetryRules = Required<RetryOptions>

const KEYS: readonly (keyof RetryOptions)[] = ['idempotent', 'conflicts', 'maxAttempts']
const MAX_ATTEMPTS = 10

/**
 * Fills the defaults in; undefined when no retry is wanted.
 * @throws {OptionsError} a key is unknown, or its value is out of range.
 */
export function resolveRetry(given: Retry | undefined): RetryRules | undefined {
  if (given === undefined || given === false) return undefined
  const { idempotent = false, conflicts = false, maxAttempts = MAX_ATTEMPTS } = given === true ? {} : checked(given)
  return {
    idempotent: flag('idempotent', idempotent),
    conflicts: flag('conflicts', conflicts),
    maxAttempts: attempts(maxAttempts),
  }
}

function checked(given: RetryOptions): RetryOptions {
  oneOfKeys('retry', given, KEYS)
  return given
}

function flag(name: string, value: boolean): boolean {
  if (typeof value === 'boolean') return value
  throw new OptionsError(name, `${name} must be true or false`)
}

function attempts(value: number): number {
  if (Number.isInteger(value) && value >= 1) return value
  throw new OptionsError('maxAttempts', 'maxAttempts must be a whole number of at least 1')
}
