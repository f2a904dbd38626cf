/** Fields of an error or a notice of the server, by their letters (PostgreSQL documentation, "Error and Notice Message Fields"). */
export type Fields = Readonly<Record<string, string>>

/** Who hears what a server says, before postgres.js does. */
export interface WireWitness {
  /** Authentication (type R). An error when the driver could not handle it. */
  asksFor(kind: number, body: Buffer): Error | undefined
  /** Whether nobody wants to know what ended. */
  readonly isShared: boolean
  /** CommandComplete, with its tag; not told while `isShared`. */
  completed(tag: string): void
  /** ReadyForQuery, with the status of the transaction. False when neither it nor what follows may reach the driver. */
  ready(status: string): boolean
  /** ErrorResponse. False when neither it nor what follows may reach the driver. */
  refused(fields: Fields): boolean
  noticed(code: string | undefined): void
  /** PortalSuspended. False when nobody fetches with a cursor. */
  suspended(): boolean
  parameter(name: string, value: string): void
  /** What came is not the protocol; nothing of it may reach the driver. */
  violated(): void
}

const [COMPLETE, ERROR, NOTICE, PARAMETER, READY] = [67, 69, 78, 83, 90]
const [NOTIFICATION, COLUMNS, SUSPENDED] = [65, 84, 115]
const [KNOWN, WATCHED] = [1, 2]
/** By the letter of a message: nothing for one of no known kind. */
const KINDS = new Uint8Array(256)
for (const kind of Buffer.from('RKSZCDTEN12t3nsAIGHWdcVv')) KINDS[kind] = KNOWN
for (const kind of Buffer.from('RCENSZATs')) KINDS[kind] = WATCHED

const HEADER_BYTES = 5
/** No message of a server is longer. */
const MAX_BYTES = 1 << 30
const NOTHING = Buffer.alloc(0)

/**
 * Follows the messages of a server by their headers, whatever pieces they arrive in, and looks into a few kinds of them
 * (PostgreSQL documentation, "Message Formats").
 */
export class WireReader {
  readonly #witness: WireWitness
  /** Bytes of a message that is not looked into and has not arrived wholly. */
  #skip = 0
  /** The beginning of a message that has not arrived wholly. */
  #held: Buffer = NOTHING

  constructor(witness: WireWitness) {
    this.#witness = witness
  }

  /** Reads what arrived; returns how many of its bytes the driver may have. */
  read(chunk: Buffer): number {
    const heldBytes = this.#held.length
    const bytes = heldBytes === 0 ? chunk : Buffer.concat([this.#held, chunk])
    this.#held = NOTHING
    let at = Math.min(this.#skip, bytes.length)
    this.#skip -= at
    while (bytes.length - at >= HEADER_BYTES) {
      const [kind = 0, length] = [bytes[at], bytes.readUInt32BE(at + 1)]
      const end = at + 1 + length
      if (length < 4 || length > MAX_BYTES || KINDS[kind] === 0) this.#witness.violated()
      else if (KINDS[kind] === KNOWN) {
        this.#skip = Math.max(0, end - bytes.length)
        at = Math.min(end, bytes.length)
        continue
      } else if (end > bytes.length) break
      else if (this.#tell(kind, bytes, at + HEADER_BYTES, end)) {
        at = end
        continue
      }
      return Math.max(0, at - heldBytes)
    }
    if (at < bytes.length) this.#held = bytes.subarray(at)
    return chunk.length
  }

  /** False when the driver may not see it. */
  #tell(kind: number, bytes: Buffer, start: number, end: number): boolean {
    const witness = this.#witness
    switch (kind) {
      case READY:
        return witness.ready(String.fromCharCode(bytes[start] ?? 0))
      case COMPLETE:
        if (!witness.isShared) witness.completed(bytes.toString('latin1', start, end - 1))
        return true
      case ERROR:
        return witness.refused(readFields(bytes, start, end))
      case NOTICE:
        witness.noticed(readFields(bytes, start, end)['C'])
        return true
      // postgres.js looks for a zero in it for ever; its texts, and the format of its columns, end with one.
      case NOTIFICATION:
      case COLUMNS:
        return bytes[end - 1] === 0 || this.#violation()
      case SUSPENDED:
        return witness.suspended() || this.#violation()
      case PARAMETER: {
        const [name = '', value = ''] = bytes.toString('utf8', start, end - 1).split('\0')
        witness.parameter(name, value)
        return true
      }
      default:
        if (end - start < 4) return this.#violation()
        return witness.asksFor(bytes.readUInt32BE(start), bytes.subarray(start + 4, end)) === undefined
    }
  }

  #violation(): false {
    this.#witness.violated()
    return false
  }
}

function readFields(bytes: Buffer, start: number, end: number): Fields {
  const fields: Record<string, string> = {}
  for (const field of bytes.toString('utf8', start, end - 2).split('\0')) {
    if (field !== '') fields[field.charAt(0)] = field.slice(1)
  }
  return fields
}
