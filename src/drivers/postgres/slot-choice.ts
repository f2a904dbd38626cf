import type { Slot } from './slot.ts'

/** All slots of a pool, and which of them a statement of one of many goes to. */
export class SlotChoice {
  readonly all: Slot[] = []
  /** Where the search goes on. */
  #next = 0

  /** One that can take a statement behind those that run on it, in turn. */
  shareable(maxPipeline: number): Slot | undefined {
    const { all } = this
    for (let looked = 0; looked < all.length; looked++) {
      this.#next = (this.#next + 1) % all.length
      const slot = all[this.#next]
      if (slot?.isShareable === true && slot.pending < maxPipeline) return slot
    }
    return undefined
  }

  /** Has the least busy of those that are shared run out of statements, for somebody who wants one to himself. */
  drainOne(): void {
    let least: Slot | undefined
    for (const slot of this.all) {
      if (slot.isShareable && (least === undefined || slot.pending < least.pending)) least = slot
    }
    if (least !== undefined) least.isDraining = true
  }
}

/** Whether the item was in the list, which it is not any more. */
export function remove<T>(list: T[], item: T): boolean {
  const place = list.indexOf(item)
  if (place >= 0) list.splice(place, 1)
  return place >= 0
}
