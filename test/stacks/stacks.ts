import type { StackKind } from './frame/stack.ts'
import { autoFailover } from './stacks/auto-failover.ts'
import { haproxy, haproxySticky } from './stacks/haproxy.ts'
import { movingName } from './stacks/moving-name.ts'
import { patroni } from './stacks/patroni.ts'
import { patroniTls } from './stacks/patroni-tls.ts'
import { pgbouncer } from './stacks/pgbouncer.ts'
import { repmgr } from './stacks/repmgr.ts'

/** Every stack, in the order in which a sitting starts them: those that stand on the same part are neighbours. */
export const STACKS: readonly StackKind[] = [
  patroni,
  patroniTls,
  haproxy,
  haproxySticky,
  movingName,
  ...pgbouncer,
  autoFailover,
  repmgr,
]
