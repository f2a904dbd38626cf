import type { Stack } from './stack.ts'

/** The stack, with the words that a scenario needs; a pair of the table that lacks one is a mistake of the table. */
export function withWords<K extends keyof Stack>(
  stack: Stack,
  ...words: readonly K[]
): Stack & Required<Pick<Stack, K>> {
  const lacking = words.filter((word) => stack[word] === undefined)
  if (hasWords(stack, words)) return stack
  throw new TypeError(`The stack ${stack.name} has no word for: ${lacking.join(', ')}`)
}

function hasWords<K extends keyof Stack>(stack: Stack, words: readonly K[]): stack is Stack & Required<Pick<Stack, K>> {
  return words.every((word) => stack[word] !== undefined)
}
