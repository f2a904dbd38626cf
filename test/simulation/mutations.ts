import type { Mutation } from './mutant.ts'

/** Bugs that the simulation must find. Several of them were shipped by well-known projects. */
export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'a void connection that comes back is kept',
    file: 'pool/host-pool.ts',
    edits: [
      ['destroy || lease.generation < this.#generation || connection.isClosed()', 'destroy || connection.isClosed()'],
    ],
  },
  {
    name: 'masters are ranked by LSN, not by timeline',
    file: 'topology/rank.ts',
    edits: [
      [
        '...writable.map((host) => host.answer.timeline ?? 0)',
        '...writable.map((host) => Number(host.answer.lsn ?? 0n))',
      ],
      ['host.answer.timeline < highestTimeline', 'Number(host.answer.lsn ?? 0n) < highestTimeline'],
    ],
  },
  {
    name: 'a master on a lower timeline is not fenced',
    file: 'topology/rank.ts',
    edits: [['return host.answer.timeline !== undefined && host.answer.timeline < highestTimeline', 'return false']],
  },
  {
    name: 'late timers are believed',
    file: 'monitor/probe-round.ts',
    edits: [['const lateMs = this.#clock.nowMs()', 'return this.#silent()\n    const lateMs = this.#clock.nowMs()']],
  },
  {
    name: 'the answer to an older question ends a doubt',
    file: 'topology/describe-host.ts',
    edits: [['before?.suspicion !== undefined && seen.evidence.probe <= before.suspicion.probe', 'false']],
  },
  {
    name: 'the late connection of an aborted acquire is not returned',
    file: 'pool/host-pool.ts',
    edits: [['if (taker === undefined) {\n      connection.giveBack(false)', 'if (taker === undefined) {']],
  },
  {
    name: 'the last to come is served first',
    file: 'pool/checkout.ts',
    edits: [
      [
        'const first = this.#first\n    if (first !== undefined) this.remove(first)',
        'const first = this.#last\n    if (first !== undefined) this.remove(first)',
      ],
    ],
  },
  {
    name: 'after a miss the same connection is probed again',
    file: 'monitor/host-monitor.ts',
    edits: [
      [
        '  #observeFailure(fault: HostFault, cause: Error): void {\n    this.#dropProbe()',
        '  #observeFailure(fault: HostFault, cause: Error): void {',
      ],
    ],
  },
  {
    name: 'a master under suspicion is leased',
    file: 'topology/topology.ts',
    edits: [["host.kind === 'master' && host.suspicion === undefined", "host.kind === 'master'"]],
  },
  {
    name: 'the queue ignores the capacity',
    file: 'pool/host-pool.ts',
    edits: [
      [
        'return this.#book.leased + this.#checkingOut < this.driverPool.capacity',
        'return this.#book.leased < this.driverPool.capacity',
      ],
    ],
  },
  {
    name: 'a pool is cleared a turn too late',
    file: 'manager/engine.ts',
    edits: [
      [
        'this.candidates.get(hostId)?.pool.clear(generation, interrupt, cause)',
        'queueMicrotask(() => this.candidates.get(hostId)?.pool.clear(generation, interrupt, cause))',
      ],
    ],
  },
  {
    name: 'those who wait are not sent on when the role of their host changes',
    file: 'manager/engine.ts',
    edits: [["this.candidates.get(hostId)?.pool.dismiss('displaced')", '']],
  },
  {
    name: 'a failed connect is told to nobody',
    file: 'pool/host-pool.ts',
    edits: [['this.#inFlight.shift()?.refused(cause, this.hostId, fault)', 'this.#inFlight.shift()']],
  },
  {
    name: 'probes may follow each other at once',
    file: 'monitor/schedule.ts',
    edits: [['export const MIN_GAP_MS: Milliseconds = ms(20)', 'export const MIN_GAP_MS: Milliseconds = ms(1)']],
  },
  {
    name: 'abort listeners stay',
    file: 'manager/acquisition.ts',
    edits: [["if (this.#onAbort !== undefined) this.#signal?.removeEventListener('abort', this.#onAbort)", '']],
  },
  {
    name: 'a connection whose server refused a write is kept',
    file: 'pool/lease.ts',
    edits: [['this.#doomed ||= retiresConnection(error, fault)', '']],
  },
  {
    name: 'deadlines are kept in the order of the calls',
    file: 'time/expiry-queue.ts',
    edits: [['while (before !== undefined && before.expiresAtMs > entry.expiresAtMs) before = before.earlier', '']],
  },
  {
    name: 'no missed deadline makes a host that answered unreachable',
    file: 'topology/describe-host.ts',
    edits: [['return fromProbe && isSecondSign(known) ? silent', 'return fromProbe && !isAnswering(known) ? silent']],
  },
  {
    name: 'close waits for leases without end',
    file: 'manager/shutdown.ts',
    edits: [
      [
        "const timer = clock.setTimer(timeoutMs, () => destroyLeases(pools), 'process')",
        'const timer = { cancel() {} }',
      ],
    ],
  },
  {
    name: 'close forgets those who wait for a host',
    file: 'manager/lifecycle.ts',
    edits: [['    waiters.closeAll()\n', '']],
  },
  {
    name: 'an interrupted lease is told that nothing was executed',
    file: 'pool/lease.ts',
    edits: [['new HostLostError(hostId, this.outcome,', "new HostLostError(hostId, 'not-executed',"]],
  },
]
