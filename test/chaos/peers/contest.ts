import { PgCluster } from 'hasql/testing'
import { pause } from '../frame/stage.ts'
import { CREATE_WRITES } from '../frame/workload.ts'
import type { Fault, Played } from './faults.ts'
import { RivalProcess } from './rival-process.ts'
import { READERS, WRITERS, sharedNowMs } from './rival.ts'
import type { Done } from './rival.ts'
import { RIVALS } from './rivals.ts'

/** What a fault cost one rival. */
export interface Cost {
  readonly rival: string
  /** Until every writer, or reader, went on; infinite when that was not within the time. */
  readonly backMs: number
  readonly failedWrites: number
  readonly failedReads: number
  /** Operations that had been waiting for an answer for long in the end. */
  readonly hanging: number
  /** Writes that the replaced master acknowledged after its successor took writes. */
  readonly staleWrites: number
  readonly died: boolean
}

const WARM_UP_MS = 1_500
/** A loop that had no answer for so long is not back. */
const STILL_PAUSING_MS = 1_000
/** How long a rival may take to be back. */
const PATIENCE_MS = 12_000

/** Has all rivals live through one fault at once, on one cluster. */
export async function compete(fault: Fault): Promise<readonly Cost[]> {
  await using cluster = await PgCluster.start({ replicas: 2, settings: { max_connections: 200 } })
  const master = await cluster.master()
  await master.query(CREATE_WRITES)
  const { user, password, database, nodes } = cluster
  await master.query(`grant all on writes to ${user}`)
  const places = nodes.map(({ host, port }) => ({ host, port }))
  const target = { places, user, password, database }
  const rivals = await Promise.all(Object.keys(RIVALS).map((name) => RivalProcess.start(name, target)))
  try {
    await pause(WARM_UP_MS)
    const played = await fault.play(cluster)
    const endMs = performance.now() + PATIENCE_MS
    const areBack = (): boolean => rivals.every((rival) => backMs(rival, fault, played) < Infinity)
    while (performance.now() < endMs && !areBack()) await pause(50)
    await played.after?.()
    for (const rival of rivals) await rival.stop()
    return rivals.map((rival) => costOf(rival, fault, played))
  } finally {
    for (const rival of rivals) await rival.end()
    for (const node of nodes) node.thaw()
  }
}

function costOf(rival: RivalProcess, fault: Fault, played: Played): Cost {
  const { done, name, hanging, died } = rival
  const failed = (kind: Done['kind']): number =>
    done.filter((each) => each.kind === kind && each.server === undefined && each.endedAtMs > played.startMs).length
  const { change } = played
  const stale = done.filter(
    ({ kind, server, startedAtMs }) =>
      kind === 'write' && change !== undefined && server === change.from.port && startedAtMs > change.atMs,
  )
  return {
    rival: name,
    backMs: backMs(rival, fault, played),
    failedWrites: failed('write'),
    failedReads: failed('read'),
    hanging,
    staleWrites: stale.length,
    died,
  }
}

/** Until the last loop went on: for writers, with the new master; for readers, their longest pause. */
function backMs({ done }: RivalProcess, { kind }: Fault, { startMs, possibleMs, change }: Played): number {
  const loops = Array.from({ length: kind === 'write' ? WRITERS : READERS }, (_, index) => {
    const own = done.filter((each) => each.kind === kind && each.loop === index + 1 && each.server !== undefined)
    if (change === undefined) return longestPauseMs(own, startMs)
    const first = own.find(({ server, endedAtMs }) => server === change.to.port && endedAtMs > startMs)
    return (first?.endedAtMs ?? Infinity) - possibleMs
  })
  return Math.max(0, ...loops)
}

/** Between two answers after a moment; infinite if it lasts. */
function longestPauseMs(answered: readonly Done[], fromMs: number): number {
  let lastMs = fromMs
  let longestMs = 0
  for (const { endedAtMs } of answered) {
    if (endedAtMs < fromMs) continue
    longestMs = Math.max(longestMs, endedAtMs - lastMs)
    lastMs = endedAtMs
  }
  return sharedNowMs() - lastMs > STILL_PAUSING_MS ? Infinity : longestMs
}
