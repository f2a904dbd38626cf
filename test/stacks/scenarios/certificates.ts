import { atMost, atMostMs } from '../../chaos/frame/scenario.ts'
import type { Measure } from '../../chaos/frame/scenario.ts'
import { ask } from '../frame/database.ts'
import type { Scenario } from '../frame/scenario.ts'
import type { Stage } from '../frame/stage.ts'
import { APP_NAME } from '../frame/stack.ts'
import type { StackNode } from '../frame/stack.ts'
import { until } from '../frame/waiting.ts'
import { withWords } from '../frame/words.ts'

/** After its connections are cut, the application has so long to be back on every server with what is on disk now. */
const BACK_MS = 3_000

/** Ends every connection of the application, its probes included: the next ones see the files of now. */
async function cut(nodes: readonly StackNode[]): Promise<void> {
  const sql = `select pg_terminate_backend(pid) from pg_stat_activity where application_name in ('${APP_NAME}', '${APP_NAME} probe')`
  for (const node of nodes) await ask(node, sql, { timeoutMs: 10_000 })
}

/** How long after the cut the leader took writes, and every replica served reads. */
async function back(stage: Stage, sinceMs: number): Promise<readonly Measure[]> {
  const leader = await stage.stack.leader()
  const replicas = stage.stack.nodes.filter(({ name }) => name !== leader.name)
  const write = await stage.application.write(
    `${leader.name} takes writes on new connections`,
    ({ executor, startedAtMs }) => executor?.server === leader.port && startedAtMs > sinceMs,
  )
  const reads = await Promise.all(
    replicas.map(({ name, port }) =>
      stage.application.read(
        `${name} serves reads on new connections`,
        ({ server, startedAtMs }) => server === port && startedAtMs > sinceMs,
      ),
    ),
  )
  const lastMs = Math.max(write.endedAtMs, ...reads.map(({ endedAtMs }) => endedAtMs))
  return [atMostMs('back on every server with the new files', lastMs - sinceMs, BACK_MS)]
}

export const renewCertificates: Scenario = {
  name: 'renew-certificates',
  says: 'certificates and keys of the servers and of the application are replaced under load, then connections are cut',
  run: async (stage) => {
    const stack = withWords(stage.stack, 'certificates')
    stage.fault()
    await stack.certificates.renewServers()
    const serial = await stack.certificates.renewClient()
    const sinceMs = performance.now()
    await cut(stack.nodes)
    const measures = await back(stage, sinceMs)
    const sql = `select client_serial::text as serial from pg_stat_ssl join pg_stat_activity using (pid) where application_name = '${APP_NAME}'`
    const rows = await Promise.all(
      stack.nodes.map((node) => ask<{ serial: string | null }>(node, sql, { timeoutMs: 10_000 })),
    )
    const old = rows.flat().filter((row) => row.serial !== serial)
    return [...measures, atMost("new connections with the application's old certificate", old.length, 0)]
  },
  // The connections to each server are cut one after another.
  bars: { firstWriteMs: undefined, interruptions: 3 },
}

export const renewAuthority: Scenario = {
  name: 'renew-authority',
  says: 'the authority is replaced under load: both are trusted, everything is signed anew, the old one is forgotten',
  run: async (stage) => {
    const stack = withWords(stage.stack, 'certificates')
    stage.fault()
    await stack.certificates.renewAuthority()
    const sinceMs = performance.now()
    await cut(stack.nodes)
    return back(stage, sinceMs)
  },
  bars: { firstWriteMs: undefined, interruptions: 3 },
}

export const revokeCertificate: Scenario = {
  name: 'revoke-certificate',
  says: "a replica's certificate is revoked under load, and later replaced",
  run: async (stage) => {
    const stack = withWords(stage.stack, 'certificates')
    const leader = await stack.leader()
    const replica = stack.nodes.find(({ name }) => name !== leader.name) ?? leader
    stage.fault()
    await stack.certificates.revoke(replica)
    await cut([replica])
    const cutMs = performance.now()
    await stage.pause(4_000)
    const wrong = stage.application.reads.filter(
      ({ server, startedAtMs }) => server === replica.port && startedAtMs > cutMs + 500,
    )
    await stack.certificates.renewServer(replica)
    await until('the replica serves reads with its new certificate', 30_000, () =>
      stage.application.reads.at(-1)?.server === replica.port ? true : undefined,
    )
    return [atMost('reads from the server whose certificate is revoked', wrong.length, 0)]
  },
  bars: { firstWriteMs: undefined },
}
