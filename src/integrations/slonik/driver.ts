import { createDriverFactory } from 'slonik'
import type { DriverFactory } from 'slonik'
import { NamedParsers } from './named-parsers.ts'
import { Slot } from './slot.ts'
import type { SlotRules } from './slot.ts'

/** A driver of Slonik's whose connections are leases. */
export function leasingDriver(rules: Omit<SlotRules, 'types'>): DriverFactory {
  return createDriverFactory(async ({ driverConfiguration }) => {
    const types = new NamedParsers(driverConfiguration.typeParsers)
    return {
      createPoolClient: async ({ clientEventEmitter }) => {
        const slot = new Slot({ ...rules, types }, clientEventEmitter)
        return {
          connect: async () => undefined,
          end: async () => slot.end(),
          query: (sql, values, options) => slot.query(sql, values, options),
          stream: (sql, values) => slot.stream(sql, values),
        }
      },
    }
  })
}
