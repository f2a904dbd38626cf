import type { Stage, StagePlan } from './stage.ts'

/** Where an acquire finds the manager. */
export interface Situation extends StagePlan {
  readonly name: string
  readonly wanted: 'master' | 'replica'
  /** Nothing is waited for but a promise, too short to be cut in on by whoever acts in a turn of its own. */
  readonly isLentAtOnce?: boolean
  /** Brings the stage into the situation; the turns it takes are not part of the story. */
  prepare(stage: Stage): Promise<void>
  /** Happens in the turn of the acquire, right after it. */
  meanwhile?(stage: Stage): void
}

const known = (stage: Stage): Promise<void> => stage.db.waitAllReady()

/** The places in which an acquire can be; each is brought about without chance. */
export const SITUATIONS: readonly Situation[] = [
  {
    name: 'an idle connection is at hand',
    ...{ hosts: 1, capacity: 1, wanted: 'master' },
    prepare: async (stage) => {
      await known(stage)
      stage.db.release(await stage.db.acquireMaster())
      // Longer than it is kept out of the driver's pool.
      await new Promise<void>((resolve) => void stage.loop.afterIo(60, resolve))
    },
  },
  { name: 'a connection must be made', ...{ hosts: 1, capacity: 1, wanted: 'master' }, prepare: known },
  {
    name: 'the pool is full',
    ...{ hosts: 1, capacity: 1, wanted: 'master' },
    prepare: async (stage) => {
      await known(stage)
      const other = await stage.db.acquireMaster()
      stage.loop.afterIo(20, () => stage.db.release(other))
    },
  },
  {
    name: 'no host is known',
    ...{ hosts: 2, capacity: 1, wanted: 'master' },
    prepare: () => Promise.resolve(),
  },
  {
    name: 'a host refuses, and the next one is asked',
    ...{ hosts: 3, capacity: 1, wanted: 'replica' },
    prepare: async (stage) => {
      await known(stage)
      // Whichever of the two is asked first turns the caller away.
      for (const host of [1, 2]) stage.server(host).turnsAway = '53300'
    },
    meanwhile: (stage) => {
      const [first, next] = [1, 2].map((host) => stage.server(host))
      if (first === undefined || next === undefined) return
      if (first.openSockets > 1) next.turnsAway = undefined
      else first.turnsAway = undefined
    },
  },
  {
    name: 'the host is lost while a connection is made',
    ...{ hosts: 2, capacity: 1, wanted: 'master' },
    prepare: async (stage) => {
      await known(stage)
      stage.server(0).authMs = 200
    },
    meanwhile: (stage) => {
      stage.loop.afterIo(8, () => {
        stage.server(0).stop('ECONNRESET', 0)
        stage.cluster.promote(stage.server(1), 1)
      })
    },
  },
  {
    name: 'all have refused, and a pause is made',
    ...{ hosts: 1, capacity: 1, wanted: 'master' },
    prepare: async (stage) => {
      await known(stage)
      stage.server(0).turnsAway = '53300'
    },
    meanwhile: (stage) => {
      stage.loop.afterIo(30, () => {
        stage.server(0).turnsAway = undefined
      })
    },
  },
  {
    name: 'a connection was given back just now',
    ...{ hosts: 1, capacity: 1, wanted: 'master', isLentAtOnce: true },
    prepare: async (stage) => {
      await known(stage)
      stage.db.release(await stage.db.acquireMaster())
    },
  },
]
