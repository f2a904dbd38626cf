import { redact } from '../dsn/redact.ts'
import { withTlsWords } from './tls-words.ts'

/** A text from elsewhere on one line: no password, nothing that a terminal would obey, and words for what OpenSSL says. */
export function shown(text: string): string {
  return withTlsWords(redact(text))
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
}

/** What an error says, with its code where that is not part of the message. */
export function shownError(error: unknown): string {
  if (!(error instanceof Error)) return shown(String(error))
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  const isSqlState = /^[0-9A-Z]{5}$/.test(code)
  return shown(isSqlState && !error.message.includes(code) ? `${error.message} (SQLSTATE ${code})` : error.message)
}
