import type { FakeClient } from '../../support/fake/fake-connection.ts'
import type { FakeProbe } from '../../support/fake/fake-probe.ts'
import type { FakeServer } from '../../support/fake/fake-server.ts'
import { isRoleQuestion } from '../role-question.ts'
import type { World } from '../world.ts'

interface Reached {
  readonly server: FakeServer
  readonly inRecovery: boolean
  readonly question: number
}

/**
 * I14, where one address stands for several servers: once a fresh probe has reached a server of another role, no connection of the
 * pool that was made before is leased any more, since it may lead to the old one. And where servers of one role take turns, no
 * connection is dropped for it.
 */
export function checkEndpoints(world: World): void {
  if (world.scenario.endpoints === 'none') return
  let order = 0
  const next = (): number => (order += 1)
  const asked = new WeakMap<FakeProbe, number>()
  const made = new WeakMap<FakeClient, number>()
  const reached = new Map<string, Reached>()
  const voidBefore = new Map<string, number>()
  const turns: { hostId: string; generation: number }[] = []
  const found: [hostId: string, order: number][] = []
  world.announcer.on('born', ({ native }) => made.set(native, next()))
  world.announcer.on('probeAsked', (probe) => asked.set(probe, next()))
  world.announcer.on('probeAnswered', ({ hostId, server }, statement, [recovery]) => {
    if (!isRoleQuestion(statement) || !isOfNewest(hostId)) return
    const before = reached.get(hostId)
    const now = { server, inRecovery: recovery === 'true', question: questionOf(hostId) }
    reached.set(hostId, now)
    if (before === undefined || before.server === server) return
    const host = world.hostNamed(hostId)
    if (before.inRecovery !== now.inRecovery) found.push([hostId, next()])
    else if (
      now.inRecovery &&
      host?.kind === 'replica' &&
      host.suspicion === undefined &&
      isOurs(before.server, server)
    ) {
      turns.push({ hostId, generation: host.generation })
    }

    function isOfNewest(of: string): boolean {
      return questionOf(of) >= (reached.get(of)?.question ?? 0)
    }
    function questionOf(of: string): number {
      return Math.max(
        0,
        ...[...world.probes.of(of)].filter((each) => each.server === server).map((each) => asked.get(each) ?? 0),
      )
    }
  })
  world.announcer.on('step', () => {
    for (const [hostId, at] of found.splice(0)) voidBefore.set(hostId, at)
    for (const { hostId, generation } of turns.splice(0)) {
      const host = world.hostNamed(hostId)
      if (host?.kind === 'replica' && host.generation !== generation) {
        world.violated('I14', `${hostId} leads to replicas in turn, but its connections were dropped for that`)
      }
    }
  })
  world.announcer.on('granted', ({ id }, { client, hostId }) => {
    if ((made.get(client) ?? 0) > (voidBefore.get(hostId) ?? 0)) return
    world.violated(
      'I14',
      `call ${id} was given #${client.id} of ${hostId}, made before that led to a server of another role`,
    )
  })
}

function isOurs(one: FakeServer, other: FakeServer): boolean {
  return one.facts.systemId === other.facts.systemId && one.facts.hasRights && other.facts.hasRights
}
