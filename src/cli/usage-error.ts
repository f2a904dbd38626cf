/** The command was called in a way it does not understand. The message quotes nothing that may be a secret. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
