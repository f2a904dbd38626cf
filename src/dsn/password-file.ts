/** What a line of the password file is matched against. */
export interface PasswordKey {
  readonly host: string
  readonly port: string
  readonly database: string
  readonly user: string
}

/**
 * Finds the password for one host in the text of a `.pgpass` file: lines of `host:port:database:user:password`, a
 * field of `*` matches everything, a backslash takes the next character as it is. The first line that matches decides.
 */
export function findPassword(content: string, key: PasswordKey): string | undefined {
  for (const rawLine of content.split('\n')) {
    const line = rawLine.replace(/\r+$/, '')
    if (line.startsWith('#')) continue
    const start = [key.host, key.port, key.database, key.user].reduce(
      (index, token) => (index === NO_MATCH ? NO_MATCH : matchField(line, index, token)),
      0,
    )
    if (start === NO_MATCH) continue
    const password = readLastField(line, start)
    return password === '' ? undefined : password
  }
  return undefined
}

const NO_MATCH = -1

/** Compares the field at `start` with `token`; the index behind its colon when they are the same. */
function matchField(line: string, start: number, token: string): number {
  if (line.startsWith('*:', start)) return start + 2
  let index = start
  for (const unit of token.split('')) {
    if (line[index] === '\\') index += 1
    else if (line[index] === ':') return NO_MATCH
    if (line[index] !== unit) return NO_MATCH
    index += 1
  }
  return line[index] === ':' ? index + 1 : NO_MATCH
}

function readLastField(line: string, start: number): string {
  let text = ''
  let index = start
  while (index < line.length && line[index] !== ':') {
    if (line[index] === '\\' && index + 1 < line.length) index += 1
    text += line.charAt(index)
    index += 1
  }
  return text
}
