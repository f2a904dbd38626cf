import koffi from 'koffi'
import { openLibpq } from '../open-libpq.ts'

/** libpq's own parser of connection strings. */
export interface Libpq {
  /** The parameters in a string, or undefined when libpq refuses it. */
  parse(text: string): ReadonlyMap<string, string> | undefined
  /** What libpq says when it starts to connect: empty, or its error; nothing is waited for. */
  startConnecting(text: string): string
}

/** The parser of the libpq that comes with the embedded PostgreSQL. Throws when there is none: a test must not pass without it. */
export function loadLibpq(): Libpq {
  const library = openLibpq()
  const parse = library.func('void *PQconninfoParse(const char *text, _Out_ void **error)')
  const freeOptions = library.func('void PQconninfoFree(void *options)')
  const freeText = library.func('void PQfreemem(void *text)')
  const start = library.func('void *PQconnectStart(const char *text)')
  const errorMessage = library.func('const char *PQerrorMessage(void *connection)')
  const finish = library.func('void PQfinish(void *connection)')
  const keywords = readKeywords(parse('', [null]))
  return {
    parse(text) {
      const error: [unknown] = [null]
      const options: unknown = parse(text, error)
      if (typeof options !== 'bigint') {
        freeText(error[0])
        return undefined
      }
      const words = new BigUint64Array(koffi.view(options, keywords.length * RECORD_WORDS * 8))
      const values = new Map<string, string>()
      for (const [index, keyword] of keywords.entries()) {
        const value = words[index * RECORD_WORDS + VALUE_WORD] ?? 0n
        if (value !== 0n) values.set(keyword, readText(value))
      }
      freeOptions(options)
      return values
    },
    startConnecting(text) {
      const connection: unknown = start(text)
      const message = String(errorMessage(connection))
      finish(connection)
      return message
    },
  }
}

/** `PQconninfoOption` is seven words: keyword, variable, compiled-in default, value, label, display, size. */
const RECORD_WORDS = 7
const VALUE_WORD = 3

/** Reads the records one by one up to the one without a keyword: reading further would leave the memory. */
function readKeywords(options: unknown): readonly string[] {
  if (typeof options !== 'bigint') throw new Error('libpq does not read an empty string')
  const keywords: string[] = []
  for (let record = options; ; record += BigInt(RECORD_WORDS * 8)) {
    const keyword: unknown = koffi.decode(record, 'uint64')
    if (keyword === 0 || keyword === 0n) return keywords
    keywords.push(readText(BigInt(String(keyword))))
  }
}

function readText(pointer: bigint): string {
  const text: unknown = koffi.decode(pointer, 'char', -1)
  if (typeof text !== 'string') throw new Error('no text at the pointer')
  return text
}
