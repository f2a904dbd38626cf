import type { ResolvedContext } from './context.ts'
import { DsnError } from './dsn-error.ts'
import { PARAMETERS } from './parameters.ts'
import type { GivenParameter, Parameters } from './parameters.ts'

/**
 * The parameters of one service: from `PGSERVICEFILE`, else the user's own file, then from `PGSYSCONFDIR`.
 *
 * @throws {DsnError} no file defines the service, or its definition has a mistake.
 */
export function readService(service: string, context: ResolvedContext): Parameters {
  for (const file of serviceFiles(context)) {
    const content = context.readFile(file.path)
    if (content === undefined) {
      if (!file.mustExist) continue
      throw new DsnError('unreadable-file', 'the service file named by PGSERVICEFILE cannot be read')
    }
    const parameters = parseService(content, service)
    if (parameters !== undefined) return parameters
  }
  throw new DsnError('service-not-found', 'no service file defines the service; see PGSERVICEFILE', {
    parameter: 'service',
  })
}

interface ServiceFile {
  readonly path: string
  readonly mustExist: boolean
}

function serviceFiles({ environment, homeFiles }: ResolvedContext): readonly ServiceFile[] {
  const named = environment['PGSERVICEFILE'] ?? ''
  const folder = environment['PGSYSCONFDIR'] ?? ''
  const files: ServiceFile[] = []
  if (named !== '') files.push({ path: named, mustExist: true })
  else if (homeFiles !== undefined) files.push({ path: homeFiles.serviceFile, mustExist: false })
  if (folder !== '') files.push({ path: `${folder}/pg_service.conf`, mustExist: false })
  return files
}

/** The lines under `[service]` up to the next `[`; undefined when the file has no such heading. */
function parseService(content: string, service: string): Parameters | undefined {
  let found: Map<string, GivenParameter> | undefined
  for (const [index, rawLine] of content.split('\n').entries()) {
    const line = rawLine.trim()
    if (line === '' || line.startsWith('#')) continue
    if (line.startsWith('[')) {
      if (found !== undefined) return found
      if (line.startsWith(`[${service}]`)) found = new Map()
    } else if (found !== undefined) {
      addLine(found, line, index + 1)
    }
  }
  return found
}

function addLine(found: Map<string, GivenParameter>, line: string, lineNumber: number): void {
  const equals = line.indexOf('=')
  if (equals === -1) throw badLine('it needs the form name=value, without spaces round the =', lineNumber)
  const name = line.slice(0, equals)
  if (name === 'service') throw badLine('a service cannot name another service', lineNumber)
  if (name.startsWith('ldap')) throw badLine('LDAP lookup is not supported', lineNumber)
  if (!PARAMETERS.has(name)) throw badLine('it names an unknown parameter', lineNumber)
  // The first of several wins here, unlike in a connection string.
  if (!found.has(name)) {
    found.set(name, { value: line.slice(equals + 1), origin: 'service', position: undefined })
  }
}

function badLine(what: string, lineNumber: number): DsnError {
  return new DsnError('bad-service-file', `line ${lineNumber} of the service file: ${what}`)
}
