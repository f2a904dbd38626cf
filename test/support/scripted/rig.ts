import { BasePoolManager } from '../../../src/manager/base-pool-manager.ts'
import type { ManagerEvents } from '../../../src/manager/events.ts'
import type { ManagerOptions } from '../../../src/manager/options.ts'
import { parse } from '../dsn/read.ts'
import { FakeClock } from '../fake-clock.ts'
import { seededRandom } from '../seeded-random.ts'
import type { ScriptedClient } from './connection.ts'
import { ScriptedDriver } from './driver.ts'
import type { Becoming, ScriptedHost, Trouble } from './host.ts'
import type { NativePool } from './pool.ts'

export type ScriptedManager = BasePoolManager<ScriptedClient, NativePool>

/** What a host is to be: a role, facts, or a trouble. */
export type HostSetting = 'master' | 'replica' | Becoming | Exclude<Trouble, 'none'>

/** A manager on scripted servers and a clock that moves when told. */
export interface Rig {
  readonly db: ScriptedManager
  readonly driver: ScriptedDriver
  readonly clock: FakeClock
  /** The names of the events so far, in order, with what tells them apart. */
  readonly events: string[]
  readonly host: (name: string) => ScriptedHost
  readonly set: (hosts: Readonly<Record<string, HostSetting>>) => void
}

export interface RigOptions extends ManagerOptions {
  readonly capacity?: number
  /** Query of the DSN, for example `target_session_attrs=any`. */
  readonly query?: string
  readonly startMs?: number
}

/** The servers by name, and the options of the manager. It is not started. */
export function rig(hosts: Readonly<Record<string, HostSetting>>, options: RigOptions = {}): Rig {
  const { capacity, query, startMs, ...managerOptions } = options
  const clock = new FakeClock(startMs)
  const driver = new ScriptedDriver(clock, capacity)
  const set = (settings: Readonly<Record<string, HostSetting>>): void => {
    for (const [name, setting] of Object.entries(settings)) applySetting(driver.host(name), setting)
  }
  set(hosts)
  const dsn = parse(
    `postgresql://app:secret@${Object.keys(hosts).join(',')}/app${query === undefined ? '' : `?${query}`}`,
  )
  const db = new BasePoolManager(driver, dsn, { clock, random: seededRandom(7), ...managerOptions })
  const events: string[] = []
  recordEvents(db, events)
  return { db, driver, clock, events, set, host: (name) => driver.host(name) }
}

/** A rig whose hosts have all been probed once. */
export async function startedRig(hosts: Readonly<Record<string, HostSetting>>, options: RigOptions = {}): Promise<Rig> {
  const made = rig(hosts, options)
  made.db.start()
  await made.clock.settle()
  return made
}

/** Makes a scripted server what a test's data says. */
export function applySetting(host: ScriptedHost, setting: HostSetting): void {
  if (setting === 'master' || setting === 'replica') host.become({ role: setting })
  else if (typeof setting === 'string' || 'code' in setting) host.suffer(setting)
  else host.become(setting)
}

function recordEvents(db: ScriptedManager, events: string[]): void {
  const record = <E extends keyof ManagerEvents<ScriptedClient>>(
    event: E,
    detail: (seen: ManagerEvents<ScriptedClient>[E]) => string,
  ): void => void db.on(event, (seen) => events.push(`${event} ${detail(seen)}`))
  record('hostUp', ({ host, state }) => `${host} ${state.kind}`)
  record('hostDown', ({ host, state }) => `${host} ${state.kind}`)
  record('roleChange', ({ host, before, after }) => `${host} ${before.kind} -> ${after.kind}`)
  record('masterChange', ({ before, after, epoch }) => `${before ?? 'none'} -> ${after} (${epoch})`)
  record('staleMaster', ({ host, timeline, highestTimeline }) => `${host} ${timeline ?? '?'} < ${highestTimeline}`)
  record('splitBrain', ({ host, master }) => `${host}, master ${master ?? 'none'}`)
  record('foreignCluster', ({ host, systemId }) => `${host} ${systemId ?? '?'}`)
  record('replicaDetached', ({ host, reason }) => `${host} ${reason}`)
  record('replicaFollows', ({ host }) => host)
  record('acquireTimeout', ({ error }) => error.name)
}
