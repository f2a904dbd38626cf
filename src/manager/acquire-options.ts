import type { TargetSessionAttrs } from '../dsn/settings.ts'
import { OptionsError } from '../errors.ts'
import type { Target } from '../selection/target.ts'
import { MASTER } from '../selection/target.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import { durationMs, oneOfKeys, share } from './check-option.ts'
import type { FreshnessOptions } from './lag-options.ts'
import { freshnessOf } from './lag-options.ts'
import type { ResolvedOptions } from './options.ts'

/** How `acquireMaster` and `acquireReplica` may be told to wait. */
export interface WaitOptions extends Pick<FreshnessOptions, 'after'> {
  /** Deadline in milliseconds for everything the acquire does; default the manager's `acquireTimeoutMs`. */
  readonly timeoutMs?: number
  /** Ends the wait early; a connection that comes too late goes back to its pool. */
  readonly signal?: AbortSignal
}

/** How `acquireReplica` may choose. */
export interface ReplicaOptions extends WaitOptions, FreshnessOptions {
  /** Whether the master will do when there is no replica; default the manager's. */
  readonly fallbackMaster?: boolean
  /** The share of reads the master takes, 0 to 1; default the manager's. */
  readonly masterAsReplicaWeight?: number
}

/** What `acquire` may be asked for. */
export interface AcquireOptions extends ReplicaOptions {
  /** True: a replica. False: the master. Default: what the DSN's `target_session_attrs` says, else the master. */
  readonly readOnly?: boolean
}

const KEYS: readonly (keyof AcquireOptions)[] = [
  'readOnly',
  'fallbackMaster',
  'masterAsReplicaWeight',
  'timeoutMs',
  'signal',
  'maxLagMs',
  'maxLagBytes',
  'after',
]

/** What an `acquire` wants, with the defaults of the manager and its DSN. */
export interface AcquirePlan {
  readonly target: Target
  readonly timeoutMs: Milliseconds
  readonly signal: AbortSignal | undefined
}

/** Reads the options of one acquire; the plans of plain calls are made once. */
export class AcquirePlanner {
  readonly #options: ResolvedOptions
  /** For `acquire` without options. */
  readonly bare: AcquirePlan
  readonly master: AcquirePlan
  readonly replica: AcquirePlan

  constructor(options: ResolvedOptions, attributes: TargetSessionAttrs | undefined) {
    this.#options = options
    this.master = { target: MASTER, timeoutMs: options.acquireTimeoutMs, signal: undefined }
    this.replica = { ...this.master, target: this.#replicaTarget({}) }
    this.bare = { ...this.master, target: this.#bareTarget(attributes) }
  }

  /** @throws {OptionsError} an option is unknown, out of range, or makes no sense without `readOnly`. */
  plan(input: AcquireOptions): AcquirePlan {
    const { readOnly } = input
    return this.#refine(input, readOnly === undefined ? this.bare : readOnly ? this.replica : this.master)
  }

  planMaster(input: WaitOptions): AcquirePlan {
    return this.#refine({ ...input, readOnly: false }, this.master)
  }

  planReplica(input: ReplicaOptions): AcquirePlan {
    return this.#refine({ ...input, readOnly: true }, this.replica)
  }

  #refine(input: AcquireOptions, base: AcquirePlan): AcquirePlan {
    oneOfKeys('acquire', input, KEYS)
    const { fallbackMaster, masterAsReplicaWeight, timeoutMs, signal } = input
    const chooses = fallbackMaster !== undefined || masterAsReplicaWeight !== undefined
    if (chooses && base.target.role !== 'replica') {
      const option = masterAsReplicaWeight === undefined ? 'fallbackMaster' : 'masterAsReplicaWeight'
      throw new OptionsError(option, `${option} is for reads: use it with readOnly: true or with acquireReplica`)
    }
    const freshness = freshnessOf(input, base.target.role === 'master', this.#options.multiMaster)
    const target = chooses ? this.#replicaTarget(input) : base.target
    return {
      target: freshness === undefined ? target : Object.freeze({ ...target, freshness }),
      timeoutMs: timeoutMs === undefined ? base.timeoutMs : durationMs('timeoutMs', timeoutMs),
      signal,
    }
  }

  #replicaTarget({ fallbackMaster, masterAsReplicaWeight }: ReplicaOptions): Target {
    return Object.freeze({
      role: 'replica',
      fallbackMaster: fallbackMaster ?? this.#options.fallbackMaster,
      masterShare: share('masterAsReplicaWeight', masterAsReplicaWeight ?? this.#options.masterAsReplicaWeight),
      freshness: undefined,
    })
  }

  /** libpq's `target_session_attrs` (PostgreSQL documentation, 34.1.2 "Parameter Key Words"). */
  #bareTarget(attributes: TargetSessionAttrs | undefined): Target {
    switch (attributes) {
      case undefined:
      case 'read-write':
      case 'primary':
        return MASTER
      case 'read-only':
      case 'standby':
        return this.#replicaTarget({})
      case 'prefer-standby':
        return this.#replicaTarget({ fallbackMaster: true })
      case 'any':
        return Object.freeze({ role: 'any', fallbackMaster: false, masterShare: 0, freshness: undefined })
    }
  }
}
