import { IDENTITY_QUERY, LESSER_IDENTITY_QUERY } from '../../../src/monitor/role-query.ts'
import { POSITION_QUERY, ROLE_ONLY_QUERY, ROLE_QUERY } from '../../../src/monitor/role-query.ts'
import { TOKEN_QUERY } from '../../../src/monitor/token-query.ts'
import { chance, whole } from './dice.ts'
import { FakeError } from './fake-error.ts'
import type { Reply, Row } from './fake-link.ts'
import type { FakeServer } from './fake-server.ts'
import { sees } from './history.ts'

/** What a server does with a statement: hasql's own queries, `read`, `see <number>` and `write <number>`. */
export function execute(server: FakeServer, statement: string): Reply {
  const { facts, lies } = server
  if (lies !== undefined) {
    if (statement === POSITION_QUERY || (statement === ROLE_QUERY && lies !== 'nameless')) return lie(server, statement)
    if ((statement === IDENTITY_QUERY || statement === ROLE_QUERY) && lies === 'nameless') return forbidden()
  }
  switch (statement) {
    case IDENTITY_QUERY:
      return facts.hasRights ? answer([facts.systemId, ...identity(server)]) : forbidden()
    case LESSER_IDENTITY_QUERY:
      return answer([null, ...identity(server)])
    case ROLE_QUERY:
      return facts.hasRights ? answer([...position(server), ...timelines(server)]) : forbidden()
    case POSITION_QUERY:
      return facts.hasRights ? answer(position(server)) : forbidden()
    case TOKEN_QUERY:
      if (!facts.hasRights) return forbidden()
      return answer([null, facts.systemId, timeline(server), walPosition(server), null])
    case ROLE_ONLY_QUERY:
      return answer(role(server))
    case 'read':
      return answer(['1'])
    default:
      if (statement.startsWith('see ')) return see(server, Number(statement.slice('see '.length)))
      return write(server, Number(statement.slice('write '.length)))
  }
}

/** Which life it is, where, and for how many seconds. */
function identity({ facts, hostId, loop, bornAtMs }: FakeServer): Row {
  return [`${hostId} life ${facts.incarnation}`, hostId, '5432', String((loop.nowMs() - bornAtMs) / 1_000)]
}

/** What a server says that is not what it seems: it takes writes, on a timeline of its own. */
function lie({ facts, lies }: FakeServer, statement: string): Reply {
  const timeline = lies === 'nameless' || lies === undefined ? String(facts.timeline + 3) : lies
  return answer(['false', 'off', '0/10', timeline, ...(statement === ROLE_QUERY ? [null, null, null] : [])])
}

function write(server: FakeServer, writeId: number): Reply {
  const { facts } = server
  if (facts.role === 'replica' || facts.readOnlyDefault) return { kind: 'error', error: new FakeError('25006') }
  facts.lsn += 1
  server.branch.writes.set(writeId, facts.lsn)
  server.journal.push({ writeId, branch: server.branch, lsn: facts.lsn })
  return answer(['written'])
}

function see(server: FakeServer, writeId: number): Reply {
  catchUp(server)
  return answer([String(sees(server.branch, server.facts.lsn, writeId))])
}

function position(server: FakeServer): Row {
  return [...role(server), walPosition(server), timeline(server)]
}

/** The control file is late, the receiver's timeline is not shown to everybody. */
function timelines(server: FakeServer): Row {
  const { facts, branch, upstream, random } = server
  if (facts.role === 'master') return [null, null, null]
  if (chance(random, 0.2) && facts.lsn >= branch.forkLsn) server.timelineInControlFile = facts.timeline
  const isReceiving = upstream?.branch === branch && upstream.feedsStandbys && !server.peersCut
  // It is started again and again, asks for the timeline that the upstream does not have, and ends.
  const isTrying = server.isStranded && chance(random, 0.15)
  const pid = isTrying ? String(whole(random, 1_000, 4_000)) : 'none'
  if (isReceiving && !server.wasReceiving) server.receiver += 1
  server.wasReceiving = isReceiving
  const received = facts.showsTimelines && (isReceiving || isTrying) ? String(facts.timeline) : null
  const reached = String(Math.min(server.timelineInControlFile, facts.timeline))
  return [reached, received, isReceiving ? String(server.receiver) : pid]
}

function answer(row: Row): Reply {
  return { kind: 'row', row }
}

function forbidden(): Reply {
  return { kind: 'error', error: new FakeError('42501') }
}

function role({ facts }: FakeServer): Row {
  return [String(facts.role === 'replica'), facts.readOnlyDefault ? 'on' : 'off']
}

function timeline({ facts }: FakeServer): string | null {
  return facts.role === 'master' ? String(facts.timeline) : null
}

function walPosition(server: FakeServer): string {
  catchUp(server)
  return `0/${server.facts.lsn.toString(16).toUpperCase()}`
}

/** A standby has received, and replayed, what its upstream has written, if nothing is in the way. */
export function catchUp(server: FakeServer): void {
  const { facts, upstream, peersCut, replayPaused } = server
  if (facts.role !== 'replica' || peersCut || replayPaused || upstream?.feedsStandbys !== true) return
  if (upstream.branch === server.branch) facts.lsn = Math.max(facts.lsn, upstream.facts.lsn)
}
