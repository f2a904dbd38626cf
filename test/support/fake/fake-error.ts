const WORDS = {
  ECONNREFUSED: 'connect ECONNREFUSED',
  ECONNRESET: 'read ECONNRESET',
  ETIMEDOUT: 'connect ETIMEDOUT',
  '08P01': 'query_wait_timeout',
  '25006': 'cannot execute INSERT in a read-only transaction',
  '28P01': 'password authentication failed for user "app"',
  '42501': 'permission denied for function pg_control_system',
  '53300': 'sorry, too many clients already',
  '57P01': 'terminating connection due to administrator command',
  '57P02': 'terminating connection because of crash of another server process',
  '57P03': 'the database system is starting up',
} as const

export type FakeErrorCode = keyof typeof WORDS

/** An error of the operating system or of a model server. */
export class FakeError extends Error {
  readonly code: FakeErrorCode

  constructor(code: FakeErrorCode) {
    super(WORDS[code])
    this.code = code
  }
}
