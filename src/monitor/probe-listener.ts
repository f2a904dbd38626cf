import type { HostFault } from '../host-fault.ts'
import type { RoleAnswer } from '../topology/observation.ts'

/** Is told of each check of one host, which began and ended; of one that was called off no end is told. */
export interface ProbeListener {
  /** Check number `probe` begins. */
  began(probe: number): void
  answered(answer: RoleAnswer, roundTripMs: number): void
  failed(fault: HostFault, cause: Error): void
}
