import { codeOf } from '../driver/classify-error.ts'
import type { ProbeConnection, ProbeOptions } from '../driver/driver.ts'
import type { RoleAnswer } from '../topology/observation.ts'
import type { Identity } from './role-query.ts'
import { IDENTITY_QUERY, MISSING_RIGHTS, ROLE_ONLY_QUERY, ROLE_QUERY, readIdentity, readRole } from './role-query.ts'

/** Asks one host for its role over one connection, and remembers what need not be asked twice. */
export class Probe {
  readonly #connection: ProbeConnection
  #identity: Identity | undefined
  #roleOnly = false
  #established = false

  constructor(
    open: (options: Pick<ProbeOptions, 'onLost'>) => ProbeConnection,
    onLost: (probe: Probe, error: Error) => void,
  ) {
    this.#connection = open({ onLost: (error) => onLost(this, error) })
  }

  /** Whether the connection has answered at least once. */
  get established(): boolean {
    return this.#established
  }

  /** One round trip; one more for the first one of a connection. */
  async ask(): Promise<RoleAnswer> {
    this.#identity ??= await this.#askIdentity()
    this.#established = true
    const identity = this.#identity
    if (this.#roleOnly) return readRole(await this.#connection.query(ROLE_ONLY_QUERY), identity)
    try {
      return readRole(await this.#connection.query(ROLE_QUERY), identity)
    } catch (error) {
      if (!lacksRights(error)) throw error
      this.#roleOnly = true
      return readRole(await this.#connection.query(ROLE_ONLY_QUERY), identity)
    }
  }

  destroy(): void {
    this.#connection.destroy()
  }

  async #askIdentity(): Promise<Identity> {
    try {
      return readIdentity(await this.#connection.query(IDENTITY_QUERY))
    } catch (error) {
      if (!lacksRights(error)) throw error
      return { systemId: undefined, incarnation: undefined }
    }
  }
}

function lacksRights(error: unknown): boolean {
  return MISSING_RIGHTS.has(codeOf(error) ?? '')
}
