import { idOf } from './topology.ts'
import { HostPool } from '../../src/pool/host-pool.ts'
import type { HostPoolListener } from '../../src/pool/host-pool-listener.ts'
import type { Checkout, QueueLink } from '../../src/pool/checkout.ts'
import { ms } from '../../src/time/milliseconds.ts'
import { FakeClock } from './fake-clock.ts'
import { parse } from './dsn/read.ts'
import { seededRandom } from './seeded-random.ts'
import { noLookup } from './no-lookup.ts'
import type { ScriptedClient } from './scripted/connection.ts'
import { ScriptedDriver } from './scripted/driver.ts'
import type { ScriptedHost } from './scripted/host.ts'
import type { NativePool, ScriptedPool } from './scripted/pool.ts'

/** A caller of a pool that notes what it is told. */
export class Caller implements Checkout<ScriptedClient> {
  readonly name: string
  readonly link: QueueLink<ScriptedClient> = { place: undefined, before: undefined, after: undefined }
  client: ScriptedClient | undefined
  error: Error | undefined
  readonly #told: string[]
  /** What it does when it is sent on. */
  onDisplaced: () => void = () => undefined

  constructor(name: string, told: string[]) {
    this.name = name
    this.#told = told
  }

  /** Whether a connection that was made at that probe is none for it. */
  declines: (probe: number) => boolean = () => false

  granted(client: ScriptedClient): void {
    this.client = client
    this.#told.push(`${this.name} granted ${client.id}`)
  }

  refused(error: Error, _hostId: string, fault?: string): void {
    this.error = error
    this.#told.push(`${this.name} refused ${fault ?? 'without blame'}`)
  }

  displaced(): void {
    this.#told.push(`${this.name} displaced`)
    this.onDisplaced()
  }

  closed(): void {
    this.#told.push(`${this.name} closed`)
  }
}

export interface PoolRig {
  readonly pool: HostPool<ScriptedClient, NativePool>
  readonly host: ScriptedHost
  readonly driverPool: ScriptedPool
  readonly clock: FakeClock
  /** What callers and the manager were told, in order. */
  readonly told: string[]
  readonly call: (name: string) => Caller
  /** A caller who has got a connection. */
  readonly lease: (name: string) => Promise<Caller>
  /** What was told since the last look. */
  readonly heard: () => string
}

/** A pool of one scripted host; `manual` lets the test end each connect. */
export function poolRig({ capacity = 2, manual = false }: { capacity?: number; manual?: boolean } = {}): PoolRig {
  const clock = new FakeClock()
  const driver = new ScriptedDriver(clock, capacity)
  const host = driver.host('db')
  host.manualConnects = manual
  const told: string[] = []
  const listener: HostPoolListener<ScriptedClient> = {
    connectionBorn: () => undefined,
    connected: () => 0,
    hostFault: (hostId, fault, error, generation) => {
      told.push(`${hostId === idOf('db') ? 'host' : hostId} ${fault} on ${generation}: ${error.message}`)
    },
    roleHint: () => told.push('hint'),
    roleTold: (_hostId, isStandby) => told.push(isStandby ? 'standby' : 'no standby'),
    released: (_hostId, client) => told.push(`released ${client.id}`),
  }
  const [spec] = parse('postgresql://u@db').hosts
  const options = {
    connectTimeoutMs: ms(3_000),
    allowExitOnIdle: false,
    lookup: noLookup,
    clock,
    random: seededRandom(1),
  }
  const pool = new HostPool(driver, spec, options, listener)
  const driverPool = host.pool
  if (driverPool === undefined) throw new Error('no pool was opened')
  const call = (name: string): Caller => {
    const caller = new Caller(name, told)
    pool.checkOut(caller)
    return caller
  }
  const lease = async (name: string): Promise<Caller> => {
    const caller = call(name)
    await clock.settle()
    if (caller.client === undefined) throw new Error(`${name} got no connection: ${told.join(', ')}`)
    told.length = 0
    return caller
  }
  return { pool, host, driverPool, clock, told, call, lease, heard: () => told.splice(0).join(', ') }
}
