import { classifyError } from '../../src/driver/classify-error.ts'
import type { Driver, DriverPoolHooks, Phase, PoolOptions, ProbeOptions } from '../../src/driver/driver.ts'
import type { HostSpec } from '../../src/dsn/host-spec.ts'
import type { HostFault } from '../../src/host-fault.ts'
import type { DriverWatch } from './fake/driver-watch.ts'
import type { FakeClient } from './fake/fake-connection.ts'
import { FakePool } from './fake/fake-pool.ts'
import { FakeProbe } from './fake/fake-probe.ts'
import type { Routes } from './fake/routes.ts'

/** A driver whose connections lead to model servers, and whose every move is watched. */
export class FakeDriver implements Driver<FakeClient, FakePool> {
  readonly name = 'fake'
  readonly #routes: Routes
  readonly #capacity: number
  readonly #watch: DriverWatch

  constructor(routes: Routes, capacity: number, watch: DriverWatch) {
    this.#routes = routes
    this.#capacity = capacity
    this.#watch = watch
  }

  openPool({ hostId }: HostSpec, options: PoolOptions, hooks: DriverPoolHooks<FakeClient>): FakePool {
    return new FakePool(hostId, this.#routes, this.#capacity, options, hooks, this.#watch)
  }

  openProbe({ hostId }: HostSpec, options: ProbeOptions): FakeProbe {
    return new FakeProbe(hostId, this.#routes, options, this.#watch)
  }

  classify(error: unknown, phase: Phase): HostFault | undefined {
    return classifyError(error, phase)
  }
}
