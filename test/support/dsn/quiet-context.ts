import type { DsnContext } from '../../../src/dsn/context.ts'

/** A world without environment, files or a real user, so that only the connection string speaks. */
export const QUIET_CONTEXT: DsnContext = {
  environment: {},
  readFile: () => undefined,
  readPrivateFile: () => undefined,
  userName: 'os',
  homeFolder: '/home/os',
  defaultHost: '/tmp',
  fileParameters: 'allow',
}
