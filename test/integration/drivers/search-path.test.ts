import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { parseDsn } from 'hasql'
import type { HostId } from 'hasql'
import { createPgDriver } from 'hasql/pg'
import { PgCluster } from 'hasql/testing'
import type { PgNode } from 'hasql/testing'
import { readRights, RIGHTS_QUERY } from '../../../src/cli/rights.ts'
import { notingFacts } from '../../../src/cli/server-facts.ts'
import type { ServerFacts } from '../../../src/cli/server-facts.ts'
import { TOKEN_QUERY } from '../../../src/monitor/token-query.ts'
import { noLookup } from '../../support/no-lookup.ts'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import type { DriverCase } from './driver-case.ts'
import { pgCase, postgresCase } from './driver-case.ts'

forbidEscapedErrors()

/** A schema with what our SQL names, where everything is a lie or an error. */
const EVIL = `
create schema evil;
grant usage on schema evil to public;
create function evil.pg_is_in_recovery() returns boolean language sql as 'select not pg_catalog.pg_is_in_recovery()';
create function evil.pg_current_wal_lsn() returns pg_lsn language sql as $$select '0/1'::pg_lsn$$;
create function evil.pg_current_wal_insert_lsn() returns pg_lsn language sql as $$select '0/1'::pg_lsn$$;
create function evil.pg_last_wal_replay_lsn() returns pg_lsn language sql as $$select 'F/1'::pg_lsn$$;
create function evil.pg_walfile_name(pg_lsn) returns pg_catalog.text language sql as $$select '000000630000000000000001'$$;
create function evil.pg_postmaster_start_time() returns timestamptz language sql as $$select '2000-01-01'::timestamptz$$;
create function evil.clock_timestamp() returns timestamptz language sql as $$select '2000-01-01'::timestamptz$$;
create function evil.inet_server_addr() returns inet language sql as $$select '192.0.2.1'::inet$$;
create function evil.inet_server_port() returns int language sql as 'select 1';
create function evil.host(inet) returns pg_catalog.text language sql as $$select '192.0.2.2'$$;
create function evil.txid_current_if_assigned() returns bigint language sql as 'select 7::bigint';
create function evil.current_setting(pg_catalog.text) returns pg_catalog.text language sql as $$select 'on'$$;
create function evil.substr(pg_catalog.text, int, int) returns pg_catalog.text language sql as $$select '00000063'$$;
create function evil.split_part(pg_catalog.text, pg_catalog.text, int) returns pg_catalog.text language sql as $$select 'evil'$$;
create function evil.to_char(timestamp, pg_catalog.text) returns pg_catalog.text language sql as $$select 'evil'$$;
create function evil.concat(pg_catalog.text, pg_catalog.text) returns pg_catalog.text language sql as $$select 'x00000063'$$;
create function evil.pg_has_role(name, pg_catalog.text, pg_catalog.text) returns boolean language sql as 'select true';
create function evil.has_function_privilege(pg_catalog.text, pg_catalog.text) returns boolean language sql as 'select false';
create function evil.pg_control_system() returns table (system_identifier bigint) language sql as 'select 666::bigint';
create function evil.pg_control_checkpoint() returns table (timeline_id int) language sql as 'select 99';
create function evil.pg_control_recovery() returns table (min_recovery_end_timeline int) language sql as 'select 99';
create view evil.pg_stat_wal_receiver as select 99 as received_tli, 1 as pid;
grant select on evil.pg_stat_wal_receiver to public;
create domain evil.text as int check (false);
create function evil.no(pg_catalog.text, pg_catalog.text) returns boolean language sql as 'select false';
create operator evil.= (leftarg = pg_catalog.text, rightarg = pg_catalog.text, function = evil.no);
create function evil.joined(pg_catalog.text, pg_catalog.text) returns pg_catalog.text language sql as $$select 'evil'$$;
create operator evil.|| (leftarg = pg_catalog.text, rightarg = pg_catalog.text, function = evil.joined);
create function evil.years(timestamptz, timestamptz) returns interval language sql as $$select '100 years'::interval$$;
create operator evil.- (leftarg = timestamptz, rightarg = timestamptz, function = evil.years);
`

let cluster: PgCluster
let master: PgNode
beforeAll(async () => {
  cluster = await PgCluster.start({ replicas: 1 })
  master = await cluster.master()
  for (const statement of EVIL.split(/;\n/).filter((each) => each.trim() !== '')) await master.query(statement)
})
afterAll(async () => {
  await cluster.close()
})
afterEach(async () => {
  await master.query(`alter role ${cluster.user} reset search_path`)
})

const everything = {
  'a role’s own search_path': async (): Promise<string> => {
    await master.query(`alter role ${cluster.user} set search_path = evil, pg_catalog`)
    return cluster.dsn
  },
  'a search_path in options': (): Promise<string> =>
    Promise.resolve(`${cluster.dsn}?options=${encodeURIComponent('-c search_path=evil,pg_catalog')}`),
}

describe.each(Object.entries(everything))('%s that begins with a schema of look-alikes', (_name, dsnOf) => {
  seesTheTruth(pgCase)
  seesTheTruth(postgresCase)

  function seesTheTruth<C extends AsyncDisposable>(driver: DriverCase<C>): void {
    test(`${driver.name}: roles, positions, identities and tokens are those of the server`, async () => {
      await using db = driver.open(await dsnOf(), { max: 2, refreshDelayMs: 50 })
      await db.ready()
      // The look-alikes are what this role's own SQL gets.
      const lie = await db.withMaster((connection) => driver.query(connection, 'select pg_is_in_recovery() as lie'))
      expect(lie).toEqual([{ lie: true }])
      const [truth] = await master.query<{ id: string; started: string }>(
        'select system_identifier::text as id, pg_postmaster_start_time()::text as started from pg_control_system()',
      )
      const [masterHost] = [...db.topology.hosts.values()].filter(({ kind }) => kind === 'master')
      expect(masterHost).toMatchObject({
        hostId: `${master.host}:${master.port}`,
        lacks: [],
        answer: {
          readOnlyDefault: false,
          timeline: 1,
          systemId: truth?.id,
          incarnation: truth?.started,
          serverAddress: `127.0.0.1:${master.port}`,
        },
      })
      const [replica] = [...db.topology.hosts.values()].filter(({ kind }) => kind === 'replica')
      expect(replica).toMatchObject({ lacks: [], answer: { reachedTimeline: 1, systemId: truth?.id } })
      const token = await db.withMaster((connection) => db.writeToken(connection))
      const seen = await db.withReplica((connection) => driver.query(connection, 'select 1 as one'), { after: token })
      expect(seen).toEqual([{ one: 1 }])
    })
  }

  test('the command reads the rights, the version and the time of start of the server itself', async () => {
    const facts = new Map<HostId, ServerFacts>()
    const [spec] = parseDsn(await dsnOf()).hosts
    const options = { hold: 'process', onLost: () => undefined, onHint: () => undefined, lookup: noLookup } as const
    const probe = notingFacts(createPgDriver(), facts).openProbe(spec, options)
    try {
      const rights = readRights(await probe.query(RIGHTS_QUERY))
      expect(rights.text).toBe(
        'app, no member of pg_monitor: does not see the timeline a replica receives: after a promotion its lag is not known for a while',
      )
      expect(rights.version).toMatch(/^\d+(\.\d+)?$/)
      const known = facts.get(spec.hostId)
      expect(known?.startedAt).toMatch(/^20[2-9]\d-/)
      expect(known?.upSeconds).toBeLessThan(3_600)
      expect(await probe.query(TOKEN_QUERY)).toHaveLength(5)
    } finally {
      probe.destroy()
    }
  })
})
