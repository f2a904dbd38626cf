/** What a master that answers becomes by an error: as it was, or held for doubtful, or out. */
export type State = 'master' | 'suspect master' | 'not-ready' | 'rejected' | 'unreachable'

/** What is expected in each phase. `+probe`: the host is looked at now. `kept`: the connection serves the next caller. */
export interface ErrorCase {
  /** The class, as `docs/errors.md` names it. */
  readonly what: string
  readonly codes: readonly string[]
  /** `FATAL` for errors that say so. */
  readonly severity?: 'FATAL' | 'PANIC'
  /** A connection of the pool cannot be made. */
  readonly connect: 'master' | 'master +probe' | 'suspect master +probe'
  /** A connection dies of it while nobody leases it. */
  readonly idle: 'master' | 'master +probe' | 'suspect master +probe'
  /** A leased connection is answered with it. */
  readonly leased: `${'master' | 'master +probe' | 'suspect master +probe'}, ${'kept' | 'closed'}`
  /** The monitor's connection is answered with it. */
  readonly monitor: State
  /** The monitor's first connection cannot be made: nothing was known of the host before. */
  readonly first: State
}

const split = (codes: string): readonly string[] => codes.split(' ')

/** Every class of `errors.md`, by SQLSTATE or errno. */
export const ERROR_CASES: readonly ErrorCase[] = [
  {
    what: 'nobody listens, or no way there',
    codes: split('ECONNREFUSED EHOSTUNREACH EHOSTDOWN ENETUNREACH ENETDOWN EADDRNOTAVAIL'),
    connect: 'suspect master +probe',
    idle: 'master +probe',
    leased: 'master +probe, closed',
    monitor: 'suspect master',
    first: 'unreachable',
  },
  {
    what: 'the connection was reset',
    codes: split('ECONNRESET ECONNABORTED EPIPE'),
    connect: 'suspect master +probe',
    idle: 'master +probe',
    leased: 'master +probe, closed',
    monitor: 'suspect master',
    first: 'unreachable',
  },
  {
    what: 'the network is silent',
    codes: split('ETIMEDOUT'),
    connect: 'suspect master +probe',
    idle: 'master +probe',
    leased: 'master +probe, closed',
    monitor: 'suspect master',
    first: 'unreachable',
  },
  {
    what: 'the name cannot be looked up',
    codes: split('ENOTFOUND EAI_AGAIN ERR_HASQL_LOOKUP_TIMEOUT'),
    connect: 'master +probe',
    idle: 'master',
    leased: 'master, kept',
    monitor: 'suspect master',
    first: 'unreachable',
  },
  {
    what: 'TLS',
    codes: split('ERR_TLS_CERT_ALTNAME_INVALID CERT_HAS_EXPIRED DEPTH_ZERO_SELF_SIGNED_CERT EPROTO'),
    connect: 'master +probe',
    idle: 'master +probe',
    leased: 'master +probe, closed',
    monitor: 'suspect master',
    first: 'rejected',
  },
  {
    what: 'the session is told to go',
    codes: split('57P01 57P02'),
    severity: 'FATAL',
    connect: 'suspect master +probe',
    idle: 'master +probe',
    leased: 'master +probe, closed',
    monitor: 'suspect master',
    first: 'not-ready',
  },
  {
    what: 'alive, but not ready',
    codes: split('57P03'),
    severity: 'FATAL',
    connect: 'suspect master +probe',
    idle: 'suspect master +probe',
    leased: 'suspect master +probe, closed',
    monitor: 'not-ready',
    first: 'not-ready',
  },
  {
    what: 'the server ends a session by its own rules',
    codes: split('57P04 57P05 25P03 25P04'),
    severity: 'FATAL',
    connect: 'master',
    idle: 'master',
    leased: 'master, closed',
    monitor: 'suspect master',
    first: 'unreachable',
  },
  {
    what: 'too many connections',
    codes: split('53300'),
    severity: 'FATAL',
    connect: 'master +probe',
    idle: 'master',
    leased: 'master, closed',
    monitor: 'suspect master',
    first: 'unreachable',
  },
  {
    what: 'access refused',
    codes: split('28000 28P01 3D000'),
    connect: 'master +probe',
    idle: 'master',
    leased: 'master, kept',
    monitor: 'suspect master',
    first: 'rejected',
  },
  {
    what: 'a right is missing',
    codes: split('42501'),
    connect: 'master +probe',
    idle: 'master',
    leased: 'master, kept',
    // It asks for less then.
    monitor: 'master',
    first: 'rejected',
  },
  {
    what: 'a pooler in between, or the connection class',
    codes: split('08P01 08000 08001 08003 08004 08006 08007'),
    severity: 'FATAL',
    connect: 'master +probe',
    idle: 'master +probe',
    leased: 'master +probe, closed',
    monitor: 'suspect master',
    first: 'unreachable',
  },
  {
    what: 'the wrong role',
    codes: split('25006'),
    connect: 'master',
    idle: 'suspect master +probe',
    leased: 'suspect master +probe, closed',
    monitor: 'suspect master',
    first: 'unreachable',
  },
  {
    what: 'something that this server cannot do',
    codes: split('0A000 55000'),
    connect: 'master',
    idle: 'master +probe',
    leased: 'master +probe, kept',
    // It asks for less then.
    monitor: 'master',
    first: 'unreachable',
  },
  {
    what: 'disk, memory, limits, I/O',
    codes: split('53100 53200 53400 58030'),
    connect: 'master +probe',
    idle: 'master',
    leased: 'master, kept',
    monitor: 'suspect master',
    first: 'unreachable',
  },
  {
    what: 'the server is broken inside',
    codes: split('XX000 XX001 XX002'),
    connect: 'master +probe',
    idle: 'master',
    leased: 'master, closed',
    monitor: 'suspect master',
    first: 'unreachable',
  },
  {
    what: 'conflicts, locks, limits of the caller',
    codes: split('40001 40P01 55P03 57014 25P02'),
    connect: 'master',
    idle: 'master',
    leased: 'master, kept',
    monitor: 'suspect master',
    first: 'unreachable',
  },
  {
    what: 'a conflict with recovery that ends the session',
    codes: split('40001'),
    severity: 'FATAL',
    connect: 'master',
    idle: 'master',
    leased: 'master, closed',
    monitor: 'suspect master',
    first: 'unreachable',
  },
  {
    what: 'the statement is wrong',
    codes: split('23505 42P01 22012'),
    connect: 'master',
    idle: 'master',
    leased: 'master, kept',
    monitor: 'suspect master',
    first: 'unreachable',
  },
  {
    what: 'an unknown code that ends the session',
    codes: split('99999'),
    severity: 'PANIC',
    connect: 'master',
    idle: 'master',
    leased: 'master, closed',
    monitor: 'suspect master',
    first: 'unreachable',
  },
  {
    what: 'hasql’s own error for a lost host',
    codes: split('ERR_HASQL_HOST_LOST'),
    connect: 'master +probe',
    idle: 'master +probe',
    leased: 'master +probe, closed',
    monitor: 'suspect master',
    first: 'unreachable',
  },
]
