/**
 * The index of the first character at or after `start` that a pattern takes, or the end of the text. The pattern is
 * one character class, with the flag `g`.
 */
export function indexOfClass(text: string, characterClass: RegExp, start: number): number {
  characterClass.lastIndex = start
  return characterClass.test(text) ? characterClass.lastIndex - 1 : text.length
}
