import { codeOf } from '../driver/classify-error.ts'
import type { DriverConnection } from '../driver/driver.ts'
import { TokenUnavailableError } from '../errors.ts'
import { MISSING_RIGHTS } from '../monitor/role-query.ts'
import { TOKEN_QUERY, readToken } from '../monitor/token-query.ts'
import { formatToken } from '../topology/write-token.ts'

/** Asks the server of a leased connection where it is. @throws {TokenUnavailableError} */
export async function takeToken(connection: DriverConnection<unknown>, driver: string): Promise<string> {
  if (connection.query === undefined) {
    throw new TokenUnavailableError(`the driver '${driver}' cannot run a statement for hasql`)
  }
  const token = readToken(await connection.query(TOKEN_QUERY).catch(refuse))
  if (typeof token === 'string') throw new TokenUnavailableError(token)
  return formatToken(token)
}

function refuse(error: unknown): never {
  if (!MISSING_RIGHTS.has(codeOf(error) ?? '')) throw error
  throw new TokenUnavailableError('this role may not read the position of the server', { cause: error })
}
