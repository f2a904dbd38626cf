import type { PgCluster, PgNode } from 'hasql/testing'
import { pause } from '../frame/stage.ts'
import { LONGEST_STALL_MS } from '../scenarios/frozen.ts'
import { FIRST_WRITE_MS } from '../scenarios/stopped.ts'
import { sharedNowMs } from './rival.ts'

/** What was done to a cluster, and when. */
export interface Played {
  readonly startMs: number
  /** From when on the application can be expected to go on. */
  readonly possibleMs: number
  /** Who replaced whom, and when the new master took writes. */
  readonly change?: { readonly from: PgNode; readonly to: PgNode; readonly atMs: number }
  /** What is done when every rival has had its time. */
  readonly after?: () => Promise<void>
}

/** One fault that every rival lives through at once. */
export interface Fault {
  readonly name: string
  readonly kind: 'write' | 'read'
  /** How long hasql may take until every loop of that kind goes on. */
  readonly boundMs: number
  play(cluster: PgCluster): Promise<Played>
}

/** How long the cluster's own manager needs to be sure. */
const NOTICED_MS = 1_500
/** What a thawed server is given to do harm. */
const THAWED_MS = 2_000

export const FAULTS: readonly Fault[] = [
  {
    name: 'master stopped, replica promoted',
    kind: 'write',
    boundMs: FIRST_WRITE_MS,
    play: (cluster) => replaceAfter(cluster, (master) => master.stop('fast')),
  },
  {
    name: 'master killed, replica promoted',
    kind: 'write',
    boundMs: FIRST_WRITE_MS,
    play: (cluster) => replaceAfter(cluster, (master) => master.kill()),
  },
  {
    name: 'planned switchover',
    kind: 'write',
    boundMs: FIRST_WRITE_MS,
    play: async (cluster) => {
      const played = await replaceAfter(cluster, (master) => master.stop('fast'))
      await played.change.from.rejoin(played.change.to)
      return played
    },
  },
  {
    name: 'master frozen, replica promoted, master thawed',
    kind: 'write',
    boundMs: LONGEST_STALL_MS,
    play: async (cluster) => {
      const { startMs, change } = await replaceAfter(cluster, async (master) => {
        await master.freeze()
        await pause(NOTICED_MS)
      })
      const after = async (): Promise<void> => {
        change.from.thaw()
        await pause(THAWED_MS)
      }
      return { startMs, possibleMs: startMs, change, after }
    },
  },
  {
    name: 'both replicas frozen, the master is left',
    kind: 'read',
    boundMs: LONGEST_STALL_MS,
    play: async (cluster) => {
      // Both: who has connections to one replica only would notice the other's silence by luck.
      const replicas = await cluster.replicas()
      const startMs = sharedNowMs()
      for (const replica of replicas) await replica.freeze()
      await pause(LONGEST_STALL_MS)
      return { startMs, possibleMs: startMs }
    },
  },
]

async function replaceAfter(
  cluster: PgCluster,
  blow: (master: PgNode) => Promise<void>,
): Promise<Required<Omit<Played, 'after'>>> {
  const from = await cluster.master()
  const [to] = await cluster.replicas()
  if (to === undefined) throw new Error('The cluster needs a replica')
  const startMs = sharedNowMs()
  await blow(from)
  await to.promote()
  const atMs = sharedNowMs()
  return { startMs, possibleMs: atMs, change: { from, to, atMs } }
}
