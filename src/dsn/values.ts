import { DsnError } from './dsn-error.ts'
import { PARAMETERS } from './parameters.ts'
import type { GivenParameter, Parameters } from './parameters.ts'

/** A parameter's text; undefined when it is not given or empty. */
export function textOf(parameters: Parameters, name: string): string | undefined {
  const value = parameters.get(name)?.value ?? ''
  return value === '' ? undefined : value
}

/** A parameter that takes one of a few words. Given but empty is an error, as in libpq. */
export function oneOf<const Word extends string>(
  parameters: Parameters,
  name: string,
  words: readonly Word[],
  fallback: NoInfer<Word>,
): Word {
  return oneOfIfGiven(parameters, name, words) ?? fallback
}

/** A parameter that takes one of some words; undefined when not given. */
export function oneOfIfGiven<const Word extends string>(
  parameters: Parameters,
  name: string,
  words: readonly Word[],
): Word | undefined {
  const given = parameters.get(name)
  if (given === undefined) return undefined
  const word = words.find((candidate) => candidate === given.value)
  if (word === undefined) throw badValue(name, given, `must be one of ${words.join(', ')}`)
  return word
}

/** A parameter that takes an integer; undefined when not given. */
export function integerOf(parameters: Parameters, name: string): number | undefined {
  const given = parameters.get(name)
  if (given === undefined) return undefined
  const value = parseInteger(given.value)
  if (value === undefined) throw badValue(name, given, 'must be an integer')
  return value
}

const INT_MAX = 2_147_483_647

/** Reads a C `int` in decimal, white space round it allowed; undefined when the text is none. */
export function parseInteger(text: string): number | undefined {
  if (!/^[ \t-\r]*[+-]?[0-9]+[ \t-\r]*$/.test(text)) return undefined
  const value = Number(text)
  return value >= -INT_MAX - 1 && value <= INT_MAX ? value : undefined
}

/** Says what a parameter's value should be, never what it is. */
export function badValue(name: string, given: GivenParameter, expected: string): DsnError {
  const message = `${name}${originOf(name, given)} ${expected}`
  return new DsnError('bad-value', message, { position: given.position, parameter: name })
}

/** Words for where a value came from, for messages. */
export function originOf(name: string, given: GivenParameter): string {
  switch (given.origin) {
    case 'dsn':
      return ''
    case 'service':
      return ' (from the service file)'
    case 'environment':
      return ` (from ${PARAMETERS.get(name)?.variable ?? 'the environment'})`
  }
}
