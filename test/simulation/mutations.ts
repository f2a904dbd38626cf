import type { Mutation } from './mutant.ts'

/** Bugs that the simulation must find. Several of them were shipped by well-known projects. */
export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'a void connection that comes back is kept',
    file: 'pool/host-pool.ts',
    edits: [['return held.generation === this.#generation && !connection', 'return !connection']],
  },
  {
    name: 'masters are ranked by LSN, not by timeline',
    file: 'topology/rank.ts',
    edits: [
      [
        'serverFenceOf(host, judged, memory) !== undefined',
        'memory.claims.flatMap(({ positions }) => [...positions.values()]).some((lsn) => (host.answer.lsn ?? 0n) < lsn)',
      ],
    ],
  },
  {
    name: 'a master on a lower timeline is not fenced',
    file: 'topology/rank.ts',
    edits: [['serverFenceOf(host, judged, memory) !== undefined', 'false']],
  },
  {
    name: 'a claim never ends',
    needs: 'mistaken promotion',
    file: 'topology/claim-ends.ts',
    edits: [['      held = held.filter((each) => each !== claim)', '      held = held.filter(() => true)']],
  },
  {
    name: 'a claim ends as soon as its witness is in recovery',
    needs: 'mistaken promotion',
    file: 'topology/claim-ends.ts',
    edits: [['if (recovery.lastMs - recovery.steadyMs < neededMs || ', 'if (neededMs < 0 || ']],
  },
  {
    name: 'a leader that restarts as a standby is taken for a short mistake',
    needs: 'mistaken promotion',
    file: 'topology/claim-ends.ts',
    edits: [['if (recovery.firstMs - recoveryUntilMs > BRIEF_MS) return false', 'if (BRIEF_MS < 0) return false']],
  },
  {
    name: 'what cannot be fences all the same',
    needs: 'lying host',
    file: 'topology/plausible.ts',
    edits: [
      ["  if (!isTimeline(answer.timeline)) return 'no-timeline'\n", ''],
      ['  return seen.length > 0 && seen.every(', '  return seen.length > 9 && seen.every('],
    ],
  },
  {
    name: 'a host that names no cluster takes the role of master',
    needs: 'lying host',
    file: 'topology/plausible.ts',
    edits: [
      ["  if (answer.systemId === undefined && isNamedBesides(hostId, hosts)) return 'no-system-identifier'\n", ''],
    ],
  },
  {
    name: 'late timers are believed',
    file: 'monitor/probe-round.ts',
    edits: [['const lateMs = this.#clock.nowMs()', 'return this.#silent()\n    const lateMs = this.#clock.nowMs()']],
  },
  {
    name: 'the answer to an older question ends a doubt',
    file: 'topology/describe-host.ts',
    edits: [['seen.evidence.probe <= before.suspicion.probe || hidesPath', 'hidesPath']],
  },
  {
    name: 'the late connection of an aborted acquire is not returned',
    file: 'pool/supply.ts',
    edits: [['if (taker === undefined) this.#putAway(connection)', '']],
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
        '  #observeFailure(fault: HostFault, cause: Error, isAlive = false): void {\n    this.#dropProbe()',
        '  #observeFailure(fault: HostFault, cause: Error, isAlive = false): void {',
      ],
    ],
  },
  {
    name: 'a master under suspicion is leased',
    file: 'topology/topology.ts',
    edits: [["host.kind === 'master' && isTrusted(host)", "host.kind === 'master'"]],
  },
  {
    name: 'the queue ignores the capacity',
    file: 'pool/supply.ts',
    edits: [['this.#owner.usage.leased + this.#underWay + this.#shelf.length <', 'this.#owner.usage.leased <']],
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
    file: 'pool/supply.ts',
    edits: [['this.#queue.shift()?.refused(error, this.#owner.hostId, fault)', 'this.#queue.shift()']],
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
    edits: [['return isSecondSign(known) ? silent', 'return !isAnswering(known) ? silent']],
  },
  {
    name: 'close waits for leases without end',
    file: 'manager/shutdown.ts',
    edits: [["timer = clock.setTimer(timeoutMs, () => destroyLeases(pools), 'process')", 'timer = { cancel() {} }']],
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
  {
    name: 'a pushed setting grants a role',
    file: 'manager/engine.ts',
    edits: [
      [
        "  roleHint(hostId: HostId): void {\n    this.monitors.get(hostId)?.requestProbe('fault')",
        `  roleHint(hostId: HostId): void {
    const known = this.store.current.hosts.get(hostId)
    if (known === undefined || !('answer' in known)) return
    const answer = { ...known.answer, inRecovery: !known.answer.inRecovery }
    const evidence = { probe: this.monitors.get(hostId)?.sequence ?? 0, generation: undefined }
    const atMs = this.options.clock.nowMs()
    this.store.apply({ kind: 'answered', hostId, atMs, evidence, answer, roundTripMs: known.roundTripMs })`,
      ],
    ],
  },
  {
    name: 'a pushed setting makes no difference',
    needs: 'read-only master',
    file: 'manager/engine.ts',
    edits: [
      ["  roleHint(hostId: HostId): void {\n    this.monitors.get(hostId)?.requestProbe('fault')", '  roleHint() {'],
    ],
  },
  {
    name: 'a fenced host is still leased for reads',
    file: 'topology/topology.ts',
    edits: [["host.kind === 'replica' ||", "host.kind === 'replica' || host.kind === 'stale-master' ||"]],
  },
  {
    name: 'news from a void connection counts',
    file: 'topology/describe-host.ts',
    edits: [[' || (generation !== undefined && generation < known.generation)', '']],
    needs: 'misled sessions',
  },
  {
    name: 'the search for a master has no jitter',
    file: 'monitor/schedule.ts',
    edits: [['return leastMs + random() * (mostMs - leastMs)', 'return mostMs']],
  },
  {
    name: 'the search for a master goes by the usual second',
    file: 'monitor/schedule.ts',
    edits: [['return ms(Math.min(steadyMs, searchDelayMs(host, masterlessMs, random)))', 'return ms(1_000)']],
  },
  {
    name: 'a pooled connection that works ends a doubt',
    file: 'manager/engine.ts',
    edits: [
      [
        '  released(host: HostId, connection: TConnection, usedMs: number): void {',
        `  released(host: HostId, connection: TConnection, usedMs: number): void {
    const known = this.store.current.hosts.get(host)
    if (known !== undefined && 'answer' in known && known.suspicion !== undefined) {
      const evidence = { probe: (this.monitors.get(host)?.sequence ?? 0) + 1, generation: undefined }
      const { answer, roundTripMs } = known
      const atMs = this.options.clock.nowMs()
      this.store.apply({ kind: 'answered', hostId: host, atMs, evidence, answer, roundTripMs })
    }`,
      ],
    ],
  },
  {
    name: 'a write that is refused as read-only says nothing',
    file: 'topology/describe-host.ts',
    edits: [["return known.kind === 'master' ? suspect(known, seen, seen.fault) : known", 'return known']],
  },
  {
    name: 'what runs on a fenced host may go on',
    file: 'topology/diff.ts',
    edits: [["host.kind === 'unreachable' || host.kind === 'stale-master' ||", "host.kind === 'unreachable' ||"]],
  },
  {
    name: 'those who wait for a host are served from the back',
    file: 'selection/waiters.ts',
    edits: [
      [
        'for (const waiter of [...this.#waiting]) {\n      if',
        'for (const waiter of [...this.#waiting].reverse()) {\n      if',
      ],
    ],
  },
  {
    name: 'a change of master is told for each host',
    file: 'topology/diff.ts',
    edits: [
      [
        'if (incumbent !== undefined && incumbent !== before.fencing.incumbent) {',
        'for (const _host of after.hosts.keys()) if (incumbent !== undefined && incumbent !== before.fencing.incumbent) {',
      ],
    ],
  },
  {
    name: 'a lease that ends by itself is not counted',
    file: 'pool/lease.ts',
    edits: [["this.#state = 'reclaimed'\n    this.#lessor.returned(this, true)", "this.#state = 'reclaimed'"]],
  },
  {
    name: 'a write that may have taken effect is run again',
    file: 'manager/retry-policy.ts',
    edits: [["const isSafe = outcome === 'not-executed' || rules.idempotent", 'const isSafe = true']],
  },
  {
    name: 'any number of connections is made at a host at a time',
    file: 'pool/supply.ts',
    edits: [['export const MAX_CONNECTING = 2', 'export const MAX_CONNECTING = 10']],
  },
  {
    name: 'a host that comes back gets its full share at once',
    file: 'manager/host-candidate.ts',
    edits: [['return age >= 1 ? whole : whole * (FIRST_SHARE + (1 - FIRST_SHARE) * age)', 'return whole']],
  },
  {
    name: 'the pause before one more connection goes on after close',
    file: 'pool/host-pool.ts',
    edits: [['    this.#growth.stop()\n', '']],
  },
  {
    name: 'warming goes on after close',
    file: 'manager/lifecycle.ts',
    edits: [['    warmer.stop()\n', '']],
  },
  {
    name: 'a token is not heeded',
    file: 'selection/freshness.ts',
    edits: [['after === undefined ? undefined : lacks(host, topology, after)', 'undefined']],
  },
  {
    name: 'a position that was replayed counts on whatever timeline',
    file: 'topology/lineage.ts',
    edits: [['return descendsFrom(lineage, proof.timeline, token)', 'return true']],
  },
  {
    name: 'a timeline that is known late is believed at once',
    file: 'topology/lineage.ts',
    edits: [['answer.receivedTimeline !== undefined && answer.receivedTimeline === answer.reachedTimeline', 'true']],
  },
  {
    name: 'a new master is thought to have all that the old one had',
    file: 'topology/lineage.ts',
    edits: [['if (fork === undefined || fork.lsn < token.lsn) return false', 'if (fork === undefined) return false']],
  },
  {
    name: 'a replica is measured by what the master said before',
    file: 'topology/following.ts',
    edits: [
      ['const isAskedAfter = master.seenAtMs - master.roundTripMs >= host.seenAtMs', 'const isAskedAfter = true'],
    ],
  },
  {
    name: 'a replica ahead of the master is taken for a fresh one',
    needs: 'stranded replica',
    file: 'topology/following.ts',
    edits: [["if (isAskedAfter && isAhead) return found('position')", '']],
  },
  {
    name: 'what is known of a diverged replica is forgotten with its next answer',
    needs: 'stranded replica',
    file: 'topology/following.ts',
    edits: [['if (isDiverged && (isAbove || isAhead || !isSeenToFollow(following))) return known', '']],
  },
  {
    name: 'a replica above the master is fresh until that is asked again',
    needs: 'stranded replica',
    file: 'topology/following.ts',
    edits: [["if (isAbove && following.aloneSinceMs !== undefined) return found('no-receiver')", '']],
  },
  {
    name: 'a receiver that has just been started is believed',
    needs: 'stranded replica',
    file: 'topology/following.ts',
    edits: [['export const STEADY_MS = 1_000', 'export const STEADY_MS = 0']],
  },
  {
    name: 'the manager’s bound on lag is soft for whoever has diverged, too',
    needs: 'stranded replica',
    file: 'selection/suitable-hosts.ts',
    edits: [['isFresh === undefined ? orAll(hosts, follows) : hosts.filter(follows)', 'orAll(hosts, follows)']],
  },
  {
    name: 'who was promoted by mistake proves what it replayed by its control file',
    needs: 'stranded replica',
    file: 'topology/lineage.ts',
    edits: [['following === undefined || following.isFed', 'true']],
  },
  {
    name: 'data that arrives from a host is no sign of life',
    needs: 'busy pooler',
    file: 'manager/watch-host.ts',
    edits: [['isAlive: signs.isSeen', 'isAlive: false']],
  },
  {
    name: 'what was left unread during a pause is a sign of life',
    needs: 'busy pooler',
    file: 'pool/signs-of-life.ts',
    edits: [
      ['if (received?.isRead === true) marks', 'if (received !== undefined) marks'],
      ['now.pauses === before.pauses && ', ''],
    ],
  },
  {
    name: 'a sign of life renews what is known of a host',
    needs: 'busy pooler',
    file: 'topology/describe-host.ts',
    edits: [
      [
        'return suspect(known, seen, silenceOfTheLiving(known))',
        'return { ...suspect(known, seen, silenceOfTheLiving(known)), seenAtMs: seen.atMs }',
      ],
    ],
  },
  {
    name: 'a pooler that lets a check in and has it wait is dead',
    needs: 'paused pooler',
    file: 'monitor/probe.ts',
    edits: [['return this.#checks === 1 && (', 'return this.#checks === 0 && (']],
  },
  {
    name: 'the login of an old connection is a sign of life',
    file: 'monitor/probe.ts',
    edits: [['return this.#checks === 1 && (', 'return (']],
  },
  {
    name: 'a fresh probe connection never takes the open one’s place',
    file: 'monitor/probe-renewal.ts',
    edits: [
      [
        "if (outcome.kind === 'answered' && probe !== undefined) this.#monitor.renewed(",
        'if (probe === undefined) this.#monitor.renewed(',
      ],
    ],
    endpoints: true,
  },
  {
    name: 'the open probe connection is not closed when a fresh one takes its place',
    file: 'monitor/host-monitor.ts',
    edits: [['    this.#dropProbe()\n    this.#probe = fresh', '    this.#probe = fresh']],
  },
  {
    name: 'connections of an endpoint that leads to another role are kept',
    file: 'topology/endpoint.ts',
    edits: [
      ['if (hasOtherRole && answer.inRecovery) return true', ''],
      ['return hasOtherRole || isRival ||', 'return isRival ||'],
    ],
    endpoints: true,
  },
  {
    name: 'another server behind the name of a witness ends its claim',
    file: 'topology/claims.ts',
    edits: [['return answer.lifeBeganMs !== undefined && answer.lifeBeganMs < claim.lastAskedMs', 'return false']],
    endpoints: true,
  },
  {
    name: 'a balanced endpoint is voided each time',
    file: 'topology/endpoint.ts',
    edits: [['return hasOtherRole || isRival ||', 'return true || isRival ||']],
    endpoints: true,
  },
]
