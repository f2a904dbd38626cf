import { FaultProxy } from 'hasql/testing'
import type { PgNode } from 'hasql/testing'
import type { StageOptions } from './stage.ts'

/** A faulty network in front of each node of a stage. */
export interface ProxyFronts extends Required<Pick<StageOptions, 'front' | 'takeDown'>> {
  /** The proxy of each node, once its stage has opened. */
  readonly fronts: ReadonlyMap<PgNode, FaultProxy>
}

/** What a stage is opened with to have a proxy in front of each node. */
export function proxyFronts(): ProxyFronts {
  const fronts = new Map<PgNode, FaultProxy>()
  return {
    fronts,
    front: async (node) => {
      const proxy = await FaultProxy.start({ target: node })
      fronts.set(node, proxy)
      return proxy
    },
    takeDown: async () => {
      for (const proxy of fronts.values()) await proxy.close()
    },
  }
}
