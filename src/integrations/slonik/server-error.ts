import {
  BackendTerminatedError,
  BackendTerminatedUnexpectedlyError,
  CheckExclusionConstraintViolationError,
  CheckIntegrityConstraintViolationError,
  ForeignKeyIntegrityConstraintViolationError,
  IdleTransactionTimeoutError,
  InputSyntaxError,
  InvalidInputError,
  NotNullIntegrityConstraintViolationError,
  StatementCancelledError,
  StatementTimeoutError,
  UniqueIntegrityConstraintViolationError,
} from 'slonik'
import { HostLostError } from '../../errors.ts'
import { toError } from '../../to-error.ts'

type Wrap = (error: Error, sql: string) => Error

const ADMIN_SHUTDOWN = '57P01'

/** The classes that Slonik has for what a server answers with, by SQLSTATE. */
const CLASSES: ReadonlyMap<unknown, Wrap> = new Map<unknown, Wrap>([
  ['22P02', (error) => new InvalidInputError(error.message, { cause: error })],
  ['23502', (error) => new NotNullIntegrityConstraintViolationError(error)],
  ['23503', (error) => new ForeignKeyIntegrityConstraintViolationError(error)],
  ['23505', (error) => new UniqueIntegrityConstraintViolationError(error)],
  ['23514', (error) => new CheckIntegrityConstraintViolationError(error)],
  ['23P01', (error) => new CheckExclusionConstraintViolationError(error)],
  ['25P03', (error) => new IdleTransactionTimeoutError(error)],
  ['42601', (error, sql) => new InputSyntaxError(error, { sql, values: [] })],
  ['57014', cancelled],
  [ADMIN_SHUTDOWN, (error) => new BackendTerminatedError(error)],
])

/** An error as Slonik's own driver would report it; what hasql has to say of a wait stays as it is. */
export function slonikError(given: unknown, sql = ''): Error {
  const error = toError(given)
  if (error instanceof HostLostError) return lost(error)
  return CLASSES.get(codeOf(error))?.(error, sql) ?? error
}

/** Whether the server said so before, on this connection, is in the cause. */
function lost(error: HostLostError): Error {
  const isSaid = codeOf(error.cause) === ADMIN_SHUTDOWN
  return isSaid ? new BackendTerminatedError(error) : new BackendTerminatedUnexpectedlyError(error)
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

/** One code stands for both, and Slonik, too, goes by the words. */
function cancelled(error: Error): Error {
  const isByUser = error.message.includes('canceling statement due to user request')
  return isByUser ? new StatementCancelledError(error) : new StatementTimeoutError(error)
}
