import { isAnswering } from '../topology/host-description.ts'
import type { HostDescription } from '../topology/host-description.ts'
import { masters, replicas } from '../topology/topology.ts'
import type { Topology } from '../topology/topology.ts'
import { EXIT } from './exit-code.ts'
import type { ExitCode } from './exit-code.ts'

/** What is wrong with a cluster as seen; `ok` when nothing is. */
export type Problem =
  'access-refused' | 'split-brain' | 'no-master' | 'stale-master' | 'no-replica' | 'host-out' | 'host-refuses'

/** The worst first: it decides the exit status. */
const SEVERITY: readonly (readonly [Problem, ExitCode])[] = [
  ['access-refused', EXIT.accessRefused],
  ['split-brain', EXIT.splitBrain],
  ['no-master', EXIT.noMaster],
  ['stale-master', EXIT.staleMaster],
  ['host-refuses', EXIT.accessRefused],
  ['no-replica', EXIT.hostOut],
  ['host-out', EXIT.hostOut],
]

/** All that is wrong, the worst first. */
export function problemsOf(topology: Topology): readonly Problem[] {
  const hosts = [...topology.hosts.values()]
  const found = new Set<Problem>()
  const isAny = (kind: HostDescription['kind']): boolean => hosts.some((host) => host.kind === kind)
  if (isAny('rejected')) found.add(hosts.some(isAnswering) ? 'host-refuses' : 'access-refused')
  if (isAny('rival-master')) found.add('split-brain')
  if (isAny('stale-master')) found.add('stale-master')
  if (masters(topology).length === 0) found.add('no-master')
  if (hosts.length > 1 && replicas(topology).length === 0) found.add('no-replica')
  if (!hosts.every((host) => isInUse(host) || host.kind === 'duplicate-master')) found.add('host-out')
  return SEVERITY.map(([problem]) => problem).filter((problem) => found.has(problem))
}

export function exitCodeOf(problems: readonly Problem[]): ExitCode {
  return SEVERITY.find(([problem]) => problems.includes(problem))?.[1] ?? EXIT.ok
}

/** Whether leases of the host's role are given. */
export function isInUse(host: HostDescription): boolean {
  if (host.kind === 'master') return host.suspicion === undefined
  return host.kind === 'replica' || host.kind === 'read-only-master'
}
