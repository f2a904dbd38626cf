import type { PoolOptions, ProbeOptions } from '../../driver/driver.ts'
import type { HostSpec } from '../../dsn/host-spec.ts'
import type { HostTls } from './host-tls.ts'
import type { NativeOptions, NativeSql } from './native.ts'
import { optionsFor } from './options.ts'
import type { PostgresPoolOptions } from './pool-options.ts'
import type { SessionPlan } from './session.ts'
import { Slot } from './slot.ts'
import type { SlotOwner } from './slot.ts'

/** What the connections of one manager have in common. */
export interface Settings {
  readonly given: PostgresPoolOptions
  readonly template: NativeSql
}

/** How the connections of one host's pool are made. */
export class SlotPlans {
  readonly template: NativeSql
  readonly allowExitOnIdle: boolean
  /** Whether a connection has read the array types of the database, whose parsers all share. */
  knowsTypes = false
  readonly #settings: Settings
  readonly #spec: HostSpec
  readonly #tls: HostTls
  readonly #options: PoolOptions
  readonly #native: NativeOptions

  constructor(settings: Settings, spec: HostSpec, tls: HostTls, options: PoolOptions) {
    this.template = settings.template
    this.allowExitOnIdle = options.allowExitOnIdle
    this.#settings = settings
    this.#spec = spec
    this.#tls = tls
    this.#options = options
    this.#native = optionsFor(spec, settings.template)
  }

  /** What the server has told of its settings. */
  get parameters(): unknown {
    return this.#native['parameters']
  }

  /** @throws {DsnError} a file of the TLS settings cannot be read. */
  open(owner: SlotOwner): Slot {
    const { connectTimeoutMs, lookup } = this.#options
    const { onnotify } = this.#native
    return new Slot(owner, (slot) => ({
      ...planFor(this.#settings, this.#spec, this.#tls),
      lookup,
      connectTimeoutMs,
      hold: 'process',
      options: {
        ...this.#native,
        onnotify: (channel: string, payload: string) => {
          slot.onNotice?.(channel, payload)
          if (typeof onnotify === 'function') Reflect.apply(onnotify, undefined, [channel, payload])
        },
      },
      fetchesTypes: !this.knowsTypes && this.#native['fetch_types'] !== false,
    }))
  }

  /** Whether a connection that could not be made is to be made in the other of plain and TLS. */
  fallBack(slot: Slot, error: unknown): boolean {
    return this.#tls.fallBack(error, slot.session.plan.tls)
  }
}

/** A probe takes of the caller's settings what is needed to get in; parsers and the like are for the caller's queries. */
export function probePlan(
  settings: Settings,
  spec: HostSpec,
  tls: HostTls,
  { lookup, hold }: ProbeOptions,
  plain: NativeSql,
): SessionPlan {
  const { connection } = settings.template.options
  const name: unknown =
    typeof connection === 'object' && connection !== null ? Reflect.get(connection, 'application_name') : ''
  const options = optionsFor(spec, plain, `${spec.applicationName ?? String(name)} probe`)
  const connectTimeoutMs = undefined
  return { ...planFor(settings, spec, tls), lookup, hold, options, connectTimeoutMs, fetchesTypes: false }
}

function planFor(
  { given }: Settings,
  spec: HostSpec,
  tls: HostTls,
): Pick<SessionPlan, 'spec' | 'tls' | 'renewTls' | 'readPassword'> {
  const { password } = given
  const readPassword = typeof password === 'function' ? password : () => password ?? spec.readPassword() ?? ''
  const { keep_alive: seconds } = given
  const aliveMs = seconds === undefined || seconds === null ? spec.keepAliveIdleMs : seconds * 1_000
  const isKept = seconds === null || seconds === 0 ? false : spec.keepAlive
  const kept = { ...spec, keepAlive: isKept, keepAliveIdleMs: aliveMs }
  return { spec: kept, tls: tls.wish(), renewTls: () => tls.wish(), readPassword }
}
