import { describe } from 'vitest'
import { scenario } from '../../support/scenario.ts'

const MASTER = { role: 'master' } as const
const REPLICA = { role: 'replica' } as const

describe('the hosts are found', () => {
  scenario('a master and two replicas, at once', [
    {
      atMs: 0,
      set: { pgA: 'replica', pgB: 'master', pgC: 'replica' },
      withinMs: 0,
      expect: {
        master: 'pgB',
        replicas: ['pgA', 'pgC'],
        events: ['hostUp pgA replica', 'hostUp pgB master', 'masterChange none -> pgB (1)', 'hostUp pgC replica'],
      },
    },
  ])

  scenario('a single host', [{ atMs: 0, set: { pgA: 'master' }, withinMs: 0, expect: { master: 'pgA', replicas: [] } }])

  scenario('a replica that is down does not keep the others waiting', [
    {
      atMs: 0,
      set: { pgA: 'down', pgB: 'master', pgC: 'replica' },
      withinMs: 0,
      expect: { master: 'pgB', replicas: ['pgC'], states: { pgA: 'unreachable' } },
    },
    { atMs: 5_000, set: { pgA: 'replica' }, withinMs: 1_000, expect: { master: 'pgB', replicas: ['pgA', 'pgC'] } },
  ])

  scenario('a silent host does not keep the others waiting, and is given up after the connect timeout', [
    {
      atMs: 0,
      set: { pgA: 'silent', pgB: 'master' },
      withinMs: 0,
      expect: { master: 'pgB', states: { pgA: 'unknown' } },
    },
    { atMs: 2_000, expect: { states: { pgA: 'unknown' } } },
    { atMs: 2_999, withinMs: 1, expect: { states: { pgA: 'unreachable' }, events: ['hostDown pgA unreachable'] } },
    { atMs: 9_000, set: { pgA: 'replica' }, withinMs: 1_000, expect: { replicas: ['pgA'] } },
  ])

  scenario('replicas serve reads while the master is down', [
    { atMs: 0, set: { pgA: 'down', pgB: 'replica' }, withinMs: 0, expect: { master: null, replicas: ['pgB'] } },
    { atMs: 10_000, set: { pgA: 'master' }, withinMs: 250, expect: { master: 'pgA', replicas: ['pgB'] } },
  ])

  scenario('all are down, then the master comes', [
    { atMs: 0, set: { pgA: 'down', pgB: 'down' }, expect: { master: null, replicas: [] } },
    { atMs: 1_000, set: { pgB: 'master' }, withinMs: 60, expect: { master: 'pgB', states: { pgA: 'unreachable' } } },
    { atMs: 8_000, set: { pgA: 'replica' }, withinMs: 1_000, expect: { master: 'pgB', replicas: ['pgA'] } },
  ])

  scenario('all are silent, then all come', [
    { atMs: 0, set: { pgA: 'silent', pgB: 'silent' }, expect: { master: null, replicas: [] } },
    { atMs: 7_000, set: { pgA: 'master', pgB: 'replica' }, withinMs: 0, expect: { master: 'pgA', replicas: ['pgB'] } },
  ])

  scenario('a standby cluster has no master until one is promoted', [
    { atMs: 0, set: { pgA: 'replica', pgB: 'replica' }, expect: { master: null, replicas: ['pgA', 'pgB'] } },
    {
      atMs: 2_000,
      set: { pgB: { ...MASTER, timeline: 2 } },
      withinMs: 60,
      expect: { master: 'pgB', replicas: ['pgA'] },
    },
  ])
})

describe('one host has trouble of its own', () => {
  for (const [what, code] of [
    ['a password that is refused', '28P01'],
    ['no entry for us in pg_hba', '28000'],
    ['no such database', '3D000'],
    ['a certificate of another name', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['a certificate that has expired', 'CERT_HAS_EXPIRED'],
  ] as const) {
    scenario(`${what} puts the host aside, without disturbing the others`, [
      {
        atMs: 0,
        set: { pgA: 'master', pgB: 'replica', pgC: { code } },
        withinMs: 0,
        expect: { master: 'pgA', replicas: ['pgB'], states: { pgC: 'rejected' } },
      },
      { atMs: 22_000, set: { pgC: 'replica' }, expect: { states: { pgC: 'rejected' } } },
      { atMs: 22_400, expect: {} },
      { atMs: 30_100, withinMs: 0, expect: { replicas: ['pgB', 'pgC'] } },
    ])
  }

  for (const [what, code, state] of [
    ['a name that cannot be looked up', 'ENOTFOUND', 'unreachable'],
    ['a pooler without a server', '08P01', 'unreachable'],
    ['no route', 'EHOSTUNREACH', 'unreachable'],
    ['a server that is starting', '57P03', 'not-ready'],
    ['no free slot', '53300', 'unreachable'],
    ['an error nobody knows', 'XX999', 'unreachable'],
  ] as const) {
    scenario(`${what} makes it ${state} until it answers`, [
      {
        atMs: 0,
        set: { pgA: 'master', pgB: { code } },
        withinMs: 0,
        expect: { master: 'pgA', replicas: [], states: { pgB: state } },
      },
      { atMs: 5_000, set: { pgB: 'replica' }, withinMs: 1_000, expect: { replicas: ['pgB'] } },
    ])
  }

  scenario('a replica that recovers is tried four times a second', [
    { atMs: 0, set: { pgA: 'master', pgB: 'starting' }, expect: { states: { pgB: 'not-ready' } } },
    { atMs: 20_000, set: { pgB: 'replica' }, withinMs: 250, expect: { replicas: ['pgB'] } },
  ])

  scenario('a master that is starting is found as soon as it is ready', [
    { atMs: 0, set: { pgA: 'starting', pgB: 'replica' }, expect: { master: null, states: { pgA: 'not-ready' } } },
    { atMs: 1_000, set: { pgA: 'master' }, withinMs: 60, expect: { master: 'pgA' } },
  ])

  scenario('a host that is refused and then down, and back', [
    { atMs: 0, set: { pgA: 'master', pgB: 'refusing' }, expect: { states: { pgB: 'rejected' } } },
    { atMs: 1_000, set: { pgB: 'down' }, expect: { states: { pgB: 'rejected' } } },
    { atMs: 22_000, expect: {} },
    { atMs: 31_000, withinMs: 0, expect: { states: { pgB: 'unreachable' } } },
    { atMs: 33_000, set: { pgB: 'replica' }, withinMs: 1_000, expect: { replicas: ['pgB'] } },
  ])
})

describe('hosts that are not what the DSN means', () => {
  scenario('one server under two names is master once', [
    {
      atMs: 0,
      set: { pgA: { ...MASTER, incarnation: 'same' }, alias: { ...MASTER, incarnation: 'same' }, pgB: 'replica' },
      withinMs: 0,
      expect: { master: 'pgA', replicas: ['pgB'], states: { alias: 'duplicate-master' } },
    },
  ])

  scenario('the second name takes over when the first one fails', [
    {
      atMs: 0,
      set: { pgA: { ...MASTER, incarnation: 'same' }, alias: { ...MASTER, incarnation: 'same' } },
      withinMs: 0,
      expect: { master: 'pgA', states: { alias: 'duplicate-master' } },
    },
    { atMs: 2_000, set: { pgA: 'down' }, withinMs: 20, expect: { master: 'alias', states: { pgA: 'unreachable' } } },
  ])

  scenario('a host of another cluster is out, and said', [
    {
      atMs: 0,
      set: { pgA: 'master', pgB: 'replica', pgX: { ...MASTER, systemId: '9999', timeline: 50 } },
      withinMs: 0,
      expect: { master: 'pgA', replicas: ['pgB'], states: { pgX: 'foreign-cluster' } },
    },
  ])

  scenario('a foreign host that answers first gives way to the majority', [
    {
      atMs: 0,
      set: { pgX: { ...MASTER, systemId: '9999', timeline: 50 }, pgA: 'master', pgB: 'replica' },
      withinMs: 0,
      expect: { master: 'pgA', replicas: ['pgB'], states: { pgX: 'foreign-cluster' } },
    },
  ])

  scenario('a host that is cloned anew from another cluster becomes foreign', [
    { atMs: 0, set: { pgA: 'master', pgB: 'replica' }, expect: { replicas: ['pgB'] } },
    {
      atMs: 2_000,
      set: { pgB: { ...REPLICA, systemId: '9999', restart: true } },
      withinMs: 1_000,
      expect: {
        replicas: [],
        events: ['roleChange pgB replica -> foreign-cluster', 'foreignCluster pgB 9999'],
      },
    },
    { atMs: 6_000, set: { pgB: { systemId: '7000', restart: true } }, withinMs: 1_000, expect: { replicas: ['pgB'] } },
  ])

  scenario('a cluster made anew, on a low timeline again, is accepted when all hosts belong to it', [
    { atMs: 0, set: { pgA: { ...MASTER, timeline: 40 }, pgB: 'replica' }, expect: { master: 'pgA' } },
    {
      atMs: 2_000,
      set: {
        pgA: { ...MASTER, timeline: 1, systemId: '8000', restart: true },
        pgB: { ...REPLICA, systemId: '8000', restart: true },
      },
      withinMs: 1_000,
      expect: { master: 'pgA', replicas: ['pgB'] },
    },
  ])

  scenario('a master that is read-only by setting serves reads, and writes when the setting goes', [
    {
      atMs: 0,
      set: { pgA: { ...MASTER, readOnly: true }, pgB: 'replica' },
      withinMs: 0,
      expect: { master: null, replicas: ['pgA', 'pgB'], states: { pgA: 'read-only-master' } },
    },
    { atMs: 1_000, set: { pgA: { readOnly: false } }, withinMs: 60, expect: { master: 'pgA', replicas: ['pgB'] } },
  ])

  scenario('a role without rights on the WAL functions still tells roles', [
    {
      atMs: 0,
      set: { pgA: { ...MASTER, rights: false }, pgB: { ...REPLICA, rights: false } },
      withinMs: 0,
      expect: { master: 'pgA', replicas: ['pgB'] },
    },
    { atMs: 1_000, set: { pgA: 'down' }, expect: { master: null } },
    { atMs: 2_000, set: { pgB: MASTER }, withinMs: 60, expect: { master: 'pgB' } },
    {
      atMs: 8_000,
      set: { pgA: MASTER },
      withinMs: 1_000,
      expect: { master: 'pgB', states: { pgA: 'rival-master' } },
    },
  ])

  scenario(
    'with multiMaster every writable host is a master',
    [
      { atMs: 0, set: { pgA: 'master', pgB: { ...MASTER, timeline: 5 } }, withinMs: 0, expect: { replicas: [] } },
      { atMs: 1_000, expect: { states: { pgA: 'master', pgB: 'master' } } },
      { atMs: 2_000, set: { pgA: 'down' }, withinMs: 20, expect: { master: 'pgB' } },
    ],
    { multiMaster: true },
  )
})
