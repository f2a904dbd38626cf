import type { HostFault } from '../host-fault.ts'

/** How often each class of error was met. */
export type FaultCounts = Record<HostFault, number>

/** All classes, none met yet. */
export function noFaults(): FaultCounts {
  return {
    down: 0,
    lost: 0,
    silent: 0,
    unresolved: 0,
    'not-ready': 0,
    access: 0,
    capacity: 0,
    'server-error': 0,
    'role-doubted': 0,
    'role-hint': 0,
  }
}
