import type { JournalEntry } from '../../support/fake/history.ts'
import { isInHistory } from '../../support/fake/history.ts'
import type { World } from '../world.ts'

/**
 * I10, when everything is over: a write that was acknowledged has been executed exactly once. It is in the history of the
 * final master, or PostgreSQL itself lost it, by promoting a standby that did not have it; never was it sent to a server
 * that the manager knew to be left behind. A write that was not acknowledged has been executed once at most, and not at
 * all when its caller was told so.
 */
export function checkWrites(world: World): void {
  const sent = new Map<number, { readonly leftBehind: string | undefined; fate: 'open' | 'written' | 'not-executed' }>()
  world.announcer.on('writing', (writeId, hostId) => {
    sent.set(writeId, { leftBehind: world.knowledge.leftBehind(hostId), fate: 'open' })
  })
  world.announcer.on('written', (writeId, fate) => {
    const write = sent.get(writeId)
    if (write !== undefined) write.fate = fate
  })
  world.announcer.on('closed', () => {
    const executed = new Map<number, JournalEntry[]>()
    for (const entry of world.cluster.servers.flatMap(({ journal }) => journal)) {
      executed.set(entry.writeId, [...(executed.get(entry.writeId) ?? []), entry])
    }
    const final = world.cluster.master?.branch
    for (const [writeId, { leftBehind, fate }] of sent) {
      const [entry, ...others] = executed.get(writeId) ?? []
      const wrong =
        (others.length > 0 && 'was executed twice') ||
        (fate === 'written' && entry === undefined && 'was acknowledged, but not executed') ||
        (fate === 'not-executed' && entry !== undefined && 'was executed, but its caller was told that it was not') ||
        (fate === 'written' && leftBehind !== undefined && `was acknowledged by a fenced host: ${leftBehind}`)
      if (wrong !== false) world.violated('I10', `write ${writeId} ${wrong}`)
      if (fate === 'written' && entry !== undefined && final !== undefined) {
        world.writes[isInHistory(final, entry) ? 'kept' : 'lost'] += 1
      }
    }
  })
}
