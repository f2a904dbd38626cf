import type { Phase } from '../../driver/driver.ts'
import type { HostFault } from '../../host-fault.ts'
import { LibpqError } from './libpq.ts'

/** What a server said, in libpq's words: its severity, in whatever language, a colon and two spaces. */
const SAID_BY_SERVER = /(?:^|: )[^:"]+: {2}/

/**
 * What libpq says comes without a code; its texts are told apart here and nowhere else. What a server answered to a connect is not
 * read: it did answer, and the watching connections, which are told its SQLSTATE, know what it meant.
 */
export function classifyLibpqError(error: unknown, phase: Phase): HostFault | undefined {
  if (!(error instanceof LibpqError)) return undefined
  if (phase === 'session') return 'lost'
  if (SAID_BY_SERVER.test(error.message)) return 'capacity'
  if (/SSL|certificate|invalid connection option/.test(error.message)) return 'access'
  return error.message.includes('timeout expired') ? 'silent' : 'down'
}
