/**
 * Of each comment in a declaration file its summary, its lists and its tags, a paragraph a line: what an editor shows where a name is
 * written. Examples and what else the sources say are in the documentation.
 */
export function summarised(declarations: string): string {
  return declarations.replace(/^([ \t]*)\/\*\*\n([^]*?)\n[ \t]*\*\/$/gm, (_, indent: string, body: string) => {
    const lines = summaryOf(joined(body.split('\n').map((line) => line.replace(/^[ \t]*\* ?/, ''))))
    const [only = ''] = lines
    return lines.length === 1
      ? `${indent}/** ${only} */`
      : [`${indent}/**`, ...lines.map((line) => `${indent} * ${line}`), `${indent} */`].join('\n')
  })
}

/** Lists and tags come after it; of what is neither, the first paragraph alone. */
function summaryOf(lines: readonly string[]): readonly string[] {
  return lines.filter((line, at) => at === 0 || isItem(line))
}

/** Each paragraph in one line, which editors break themselves; without blank lines and code. */
function joined(lines: readonly string[]): readonly string[] {
  const paragraphs: string[] = []
  let isCode = false
  let isOpen = false
  for (const line of lines) {
    const isFence = line.startsWith('```')
    if (isFence) isCode = !isCode
    const isText = line !== '' && !isFence && !isCode
    if (isText && isOpen && !isItem(line)) paragraphs.push(`${paragraphs.pop() ?? ''} ${line.trim()}`)
    else if (isText) paragraphs.push(line)
    isOpen = isText
  }
  return paragraphs
}

function isItem(line: string): boolean {
  return /^(?:[-@]|\d+\.)/.test(line)
}
