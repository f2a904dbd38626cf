import { existsSync } from 'node:fs'

const VARIABLE = 'HASQL_TESTING_PREPARED'

/** Folders by name, and the user that must run a server to use them. */
export interface Handed {
  readonly serverUid: number | undefined
  readonly folders: ReadonlyMap<string, string>
}

/** Tells the processes that this one starts from now on of folders to share; `undefined` takes it back. */
export function handDown(handed: Handed | undefined): void {
  if (handed === undefined) Reflect.deleteProperty(process.env, VARIABLE)
  else {
    const lines = [...handed.folders].map((pair) => pair.join('\t'))
    process.env[VARIABLE] = [String(handed.serverUid), ...lines].join('\n')
  }
}

/** The folder of that name that was handed down to this process, if its servers can use it and it is still there. */
export function handedDown(name: string, serverUid: number | undefined): string | undefined {
  const [uid, ...lines] = process.env[VARIABLE]?.split('\n') ?? []
  if (uid !== String(serverUid)) return undefined
  const folder = lines.find((line) => line.startsWith(`${name}\t`))?.slice(name.length + 1)
  return folder !== undefined && existsSync(folder) ? folder : undefined
}
