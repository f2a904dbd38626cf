import type postgres from 'postgres'
import type { Driver } from '../../driver/driver.ts'
import type { HostSpec } from '../../dsn/host-spec.ts'
import { classifyPostgresError } from './classify.ts'
import { hostSql } from './host-sql.ts'
import { HostTls } from './host-tls.ts'
import type { PostgresConnection } from './postgres-connection.ts'
import { makeTemplate } from './options.ts'
import { PostgresPool } from './pool.ts'
import { PostgresProbe } from './probe.ts'
import { SlotPlans, probePlan } from './slot-plans.ts'
import type { Settings } from './slot-plans.ts'

/** The driver whose connections share this template. */
export function driverOf(settings: Settings): Driver<PostgresConnection, postgres.Sql> {
  const { given } = settings
  const plain = makeTemplate({
    onnotice: () => undefined,
    ...(given.connection === undefined ? {} : { connection: given.connection }),
  })
  const choices = new WeakMap<HostSpec, HostTls>()
  const { ssl, password: _, ...others } = given
  const tlsOf = (spec: HostSpec, isOwn = false): HostTls => {
    const choice = choices.get(spec) ?? new HostTls(spec, isOwn ? undefined : ssl)
    choices.set(spec, choice)
    return choice
  }
  return {
    name: 'postgres',
    openPool: (spec, options, hooks) => {
      const plans = new SlotPlans(settings, spec, tlsOf(spec), options)
      return new PostgresPool(plans, hooks, (pool) => hostSql(pool, spec.hostId, () => plans.parameters))
    },
    openProbe: (spec, options) => {
      const isOwn = options.hasOwnCredentials === true
      const tls = tlsOf(spec, isOwn)
      const asked = isOwn ? { ...settings, given: others } : settings
      const planFor = () => probePlan(asked, spec, tls, options, plain)
      return new PostgresProbe(plain, planFor, (error, plan) => tls.fallBack(error, plan.tls), options)
    },
    classify: classifyPostgresError,
  }
}
