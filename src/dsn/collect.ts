import { DsnError } from './dsn-error.ts'
import { PARAMETERS } from './parameters.ts'
import type { GivenParameter, Parameters } from './parameters.ts'

/** One `name = value` as a scanner found it. */
export interface FoundPair {
  readonly name: string
  readonly value: string
  readonly namePosition: number
  readonly valuePosition: number
}

/** Collects the parameters of one connection string; the last repetition of a name wins, as in libpq. */
export class ParameterCollector {
  readonly #found = new Map<string, GivenParameter>()
  #sawSecret = false

  get parameters(): Parameters {
    return this.#found
  }

  /** Adds a parameter whose name is certain. */
  add(name: string, parameter: Omit<GivenParameter, 'origin'>): void {
    this.#found.set(name, { ...parameter, origin: 'dsn' })
  }

  /** Adds what a scanner found; `nameIsSafe` is false where a mistyped password may have become the name. */
  addPair(pair: FoundPair, nameIsSafe: boolean): void {
    const { name, value } = withoutAlias(pair)
    const rule = PARAMETERS.get(name)
    if (rule === undefined) throw unknownParameter(pair, nameIsSafe && !this.#sawSecret)
    if (rule.secret === true) this.#sawSecret = true
    this.add(name, { value, position: pair.valuePosition })
  }
}

/** libpq's old spelling: `requiressl=1` is `sslmode=require`, any other value is `sslmode=prefer`. */
function withoutAlias({ name, value }: FoundPair): { readonly name: string; readonly value: string } {
  if (name !== 'requiressl') return { name, value }
  return { name: 'sslmode', value: value.startsWith('1') ? 'require' : 'prefer' }
}

function unknownParameter({ name, namePosition }: FoundPair, nameIsSafe: boolean): DsnError {
  const known = name.toLowerCase()
  if (PARAMETERS.has(known)) {
    const message = `parameter names are lower case: write ${known}`
    return new DsnError('unknown-parameter', message, { position: namePosition, parameter: known })
  }
  if (!nameIsSafe || !looksLikeName(name)) {
    const message = 'unknown parameter; if it is a piece of a password, quote or percent-encode the password'
    return new DsnError('unknown-parameter', message, { position: namePosition })
  }
  const message = `unknown parameter "${name}"; what only a driver knows belongs in poolOptions`
  return new DsnError('unknown-parameter', message, { position: namePosition, parameter: name })
}

const NAME_LENGTH = 40

/** Whether a text can be a parameter's name, rather than a token that slipped into its place. */
function looksLikeName(text: string): boolean {
  return text.length <= NAME_LENGTH && /^[a-z_]+(?:[A-Z][a-z]+){0,3}[0-9]{0,2}$/.test(text)
}
