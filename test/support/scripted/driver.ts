import { classifyError } from '../../../src/driver/classify-error.ts'
import type { Driver, DriverPoolHooks, Phase, PoolOptions, ProbeOptions } from '../../../src/driver/driver.ts'
import type { HostSpec } from '../../../src/dsn/host-spec.ts'
import type { HostFault } from '../../../src/host-fault.ts'
import type { Clock } from '../../../src/time/clock.ts'
import type { ScriptedClient } from './connection.ts'
import { ScriptedHost } from './host.ts'
import type { NativePool } from './pool.ts'
import { ScriptedPool } from './pool.ts'
import { ScriptedProbe } from './probe.ts'

/** A driver whose servers do what the test says. */
export class ScriptedDriver implements Driver<ScriptedClient, NativePool> {
  readonly name = 'scripted'
  readonly poolOptions: PoolOptions[] = []
  readonly #hosts = new Map<string, ScriptedHost>()
  readonly #capacity: number
  readonly #clock: Clock

  constructor(clock: Clock, capacity = 10) {
    this.#clock = clock
    this.#capacity = capacity
  }

  /** The server under a host name (port 5432), or under a whole `host:port`. */
  host(name: string): ScriptedHost {
    const hostId = name.includes(':') ? name : `${name}:5432`
    const host = this.#hosts.get(hostId) ?? new ScriptedHost(hostId)
    this.#hosts.set(hostId, host)
    return host
  }

  get hosts(): readonly ScriptedHost[] {
    return [...this.#hosts.values()]
  }

  openPool(spec: HostSpec, options: PoolOptions, hooks: DriverPoolHooks<ScriptedClient>): ScriptedPool {
    this.poolOptions.push(options)
    return new ScriptedPool(this.host(spec.hostId), this.#capacity, hooks, this.#clock, options.connectTimeoutMs)
  }

  openProbe(spec: HostSpec, options: ProbeOptions): ScriptedProbe {
    return new ScriptedProbe(this.host(spec.hostId), options, this.#clock)
  }

  classify(error: unknown, phase: Phase): HostFault | undefined {
    return classifyError(error, phase)
  }
}
