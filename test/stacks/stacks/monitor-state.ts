/** What pg_auto_failover's monitor says of one node. */
export interface MonitoredNode {
  readonly name: string
  /** The state that its keeper reported last, for example `primary`. */
  readonly reported: string
  /** The state that the monitor wants it in. */
  readonly goal: string
  /** 1: its last health check succeeded; 0: it failed; -1: there was none yet. */
  readonly health: number
}

/** Asks the monitor for all its nodes. */
export const MONITOR_SQL = `select nodename as name, reportedstate::text as reported, goalstate::text as goal, health
  from pgautofailover.node order by nodeid`

/** States in which a node takes writes, or will when its keeper has done what it was told. */
const WRITABLE = new Set(['single', 'primary', 'wait_primary', 'join_primary', 'apply_settings'])

/** The name of the node that the monitor wants to be the primary, once its keeper agrees. */
export function leaderIn(nodes: readonly MonitoredNode[]): string | undefined {
  return nodes.find(({ reported, goal }) => WRITABLE.has(reported) && WRITABLE.has(goal))?.name
}

/** Whether one node is the primary, all others are secondaries, and nothing is under way. */
export function isSettled(nodes: readonly MonitoredNode[]): boolean {
  const count = (state: string): number =>
    nodes.filter(({ reported, goal, health }) => reported === state && goal === state && health === 1).length
  return count('primary') === 1 && count('secondary') === nodes.length - 1
}
