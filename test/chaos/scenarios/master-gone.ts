import pg from 'pg'
import type { PgNode } from 'hasql/testing'
import { pause } from '../frame/stage.ts'
import type { Stage } from '../frame/stage.ts'
import { isInUse } from '../frame/watch.ts'

/** A bare client that tells when a fault reached it: what a manager can know at the earliest. */
export class Witness implements AsyncDisposable {
  readonly #client: pg.Client
  heardAtMs: number | undefined

  private constructor(client: pg.Client) {
    this.#client = client
    const hear = (): void => void (this.heardAtMs ??= performance.now())
    client.on('error', hear).on('end', hear)
  }

  static async of(stage: Stage, node: PgNode): Promise<Witness> {
    const witness = new Witness(new pg.Client(stage.cluster.dsnOf(node)))
    await witness.#client.connect()
    return witness
  }

  /** Waits until the witness has heard, or the time is up. */
  async hears(timeoutMs: number): Promise<void> {
    const endMs = performance.now() + timeoutMs
    while (this.heardAtMs === undefined && performance.now() < endMs) await pause(2)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.end().catch(() => undefined)
  }
}

/** From the fault to the host being out of use, in milliseconds, and the same for a bare client. */
export interface Detection {
  readonly startMs: number
  readonly detectMs: number
  readonly witnessMs: number
}

/** Strikes a node and waits until it is out of use. */
export async function strike(stage: Stage, node: PgNode, blow: () => Promise<void> | void): Promise<Detection> {
  await using witness = await Witness.of(stage, node)
  return await strikeBefore(witness, stage, node, blow)
}

/** The same before a witness who is there already, for a node that lets nobody in any more. */
export async function strikeBefore(
  witness: Witness,
  stage: Stage,
  node: PgNode,
  blow: () => Promise<void> | void,
): Promise<Detection> {
  const startMs = performance.now()
  const out = stage.watch.moment(`${node.name} is out of use`, stage.hostId(node), (host) => !isInUse(host), {
    sinceMs: startMs,
  })
  const [detectedMs] = await Promise.all([out, blow()])
  await witness.hears(200)
  return { startMs, detectMs: detectedMs - startMs, witnessMs: (witness.heardAtMs ?? Infinity) - startMs }
}

/** What a promotion cost the application, in milliseconds. */
export interface Takeover {
  /** From the new master's accepting writes to the last writer's first acknowledged one. */
  readonly firstWriteMs: number
  /** PostgreSQL's own part. */
  readonly promotedInMs: number
}

/** Promotes a node; the clock starts when it accepts writes and stops when every writer has had one acknowledged. */
export async function promote(stage: Stage, heir: PgNode, writers: number = 4): Promise<Takeover> {
  const beforeMs = performance.now()
  const promotedInMs = await heir.promote()
  const acceptsMs = performance.now()
  const firsts = (): number[] =>
    Array.from({ length: writers }, (_, index) => {
      const first = stage.workload.writes.find(
        ({ writer, executor, endedAtMs }) =>
          writer === index + 1 && executor?.server === heir.port && endedAtMs > beforeMs,
      )
      return first?.endedAtMs ?? Infinity
    })
  await stage.workload.until('every writer writes to the new master', () => Math.max(...firsts()) < Infinity)
  return { firstWriteMs: Math.max(0, Math.max(...firsts()) - acceptsMs), promotedInMs }
}

/** The longest time a writer went without an acknowledged write, over a span of time. */
export function longestStallMs(stage: Stage, fromMs: number, untilMs: number = performance.now()): number {
  const acknowledged = new Map<number, number>()
  let longestMs = 0
  for (const { writer, outcome, endedAtMs } of stage.workload.writes) {
    // Writer 0 stands for single writes, which have no next one.
    if (writer === 0 || outcome !== 'acknowledged' || endedAtMs > untilMs) continue
    if (endedAtMs >= fromMs) longestMs = Math.max(longestMs, endedAtMs - (acknowledged.get(writer) ?? endedAtMs))
    acknowledged.set(writer, endedAtMs)
  }
  for (const lastMs of acknowledged.values()) longestMs = Math.max(longestMs, untilMs - lastMs)
  return longestMs
}

/** Operations that ended with an error in a span of time. */
export function failures(stage: Stage, fromMs: number): { readonly writes: number; readonly reads: number } {
  const failed = (records: readonly { error: Error | undefined; endedAtMs: number }[]): number =>
    records.filter(({ error, endedAtMs }) => error !== undefined && endedAtMs >= fromMs).length
  return { writes: failed(stage.workload.writes), reads: failed(stage.workload.reads) }
}

/** Brings a replaced master back as a replica, its rows noted first, and waits for a healthy cluster. */
export async function bringBack(stage: Stage, old: PgNode, heir: PgNode, other: PgNode): Promise<void> {
  await other.rejoin(heir)
  await stage.retire(old)
  await old.rejoin(heir)
  await stage.settle()
}
