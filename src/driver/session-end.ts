import type { HostFault } from '../host-fault.ts'
import { codeOf } from './classify-error.ts'

/**
 * SQLSTATEs with which a server ends a session whatever it was doing (PostgreSQL documentation, Appendix A): told to go,
 * crash, shutting down, database dropped, idle session, idle transaction, transaction timeout.
 */
const SESSION_ENDS: ReadonlySet<string> = new Set(['57P01', '57P02', '57P03', '57P04', '57P05', '25P03', '25P04'])

/** Faults that leave a connection of use: the host is what it was, and so is the session. */
const KEEPS: ReadonlySet<HostFault> = new Set<HostFault>(['role-hint', 'capacity', 'unresolved'])

/**
 * Whether the server ends the session with this error. Known by its SQLSTATE, and for any other by severity FATAL or
 * PANIC, which servers with translated messages may word otherwise: there the closed socket tells the same a moment later.
 */
export function endsSession(error: unknown): boolean {
  if (SESSION_ENDS.has(codeOf(error) ?? '')) return true
  if (typeof error !== 'object' || error === null || !('severity' in error)) return false
  return error.severity === 'FATAL' || error.severity === 'PANIC'
}

/**
 * What an error does to the connection it came on, beside what it says about the host (`fault`, as classified): whether
 * the connection is to be closed when it is given back, instead of being kept for the next caller.
 *
 * ```ts
 * retiresConnection(Object.assign(new Error(), { code: '25006' }), 'role-doubted')   // true
 * retiresConnection(Object.assign(new Error(), { code: '23505' }), undefined)        // false
 * ```
 */
export function retiresConnection(error: unknown, fault: HostFault | undefined): boolean {
  if (endsSession(error)) return true
  // After an internal error (XX000 to XX002) the session's own memory may be what is wrong; a full disk is not in it.
  if (fault === 'server-error') return codeOf(error)?.startsWith('XX') === true
  return fault !== undefined && !KEEPS.has(fault)
}
