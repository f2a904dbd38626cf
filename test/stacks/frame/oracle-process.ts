import { Client } from 'pg'
import { APP_NAME, DATABASE, SUPERUSER, SUPERUSER_PASSWORD } from './stack.ts'
import type { OracleNews, OracleNode, ServerState } from './oracle.ts'

/** The oracle's own process: asks every server directly, and tries its own insert on whoever is writable. */
const EVERY_MS = 5
/** A server that has not answered by then is down, or stands still; on a busy machine it takes its time. */
const ANSWER_MS = 2_000
/** So many questions lie between two counts of the application's probe connections: about half a second. */
const COUNT_EVERY = 60

const TIMELINE = "('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int"
const INSERT = `insert into oracle values (clock_timestamp()) returning ${TIMELINE} as timeline`
const PROBES = `select count(*)::int as probes from pg_stat_activity where application_name = '${APP_NAME} probe'`

/** The kernel's clock, which every process of the machine shares. */
const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6
const pause = (delayMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, delayMs))
const tell = (news: OracleNews): void => void process.send?.(news)

async function watch({ name: node, port }: OracleNode): Promise<never> {
  let state: ServerState | undefined
  let era: { readonly timeline: number; lastMs: number } | undefined
  const become = (now: ServerState, atMs: number): void => {
    if (state !== now) tell({ kind: 'state', node, state: now, atMs })
    state = now
  }
  const endEra = (): void => {
    if (era !== undefined) tell({ kind: 'era-ended', node, atMs: era.lastMs })
    era = undefined
  }
  const insert = async (client: Client): Promise<void> => {
    const timeline = (await client.query<{ timeline: number }>(INSERT)).rows[0]?.timeline ?? 0
    const atMs = nowMs()
    if (era?.timeline !== timeline) {
      endEra()
      era = { timeline, lastMs: atMs }
      tell({ kind: 'era-began', node, timeline, atMs })
    }
    era.lastMs = atMs
  }
  for (;;) {
    const client = new Client({
      host: '127.0.0.1',
      port,
      user: SUPERUSER,
      password: SUPERUSER_PASSWORD,
      database: DATABASE,
      application_name: 'oracle',
      connectionTimeoutMillis: ANSWER_MS,
      query_timeout: ANSWER_MS,
    })
    client.on('error', () => undefined)
    try {
      await client.connect()
      for (let question = 0; ; question += 1) {
        const { rows } = await client.query<{ replica: boolean }>('select pg_is_in_recovery() as replica')
        const isReplica = rows[0]?.replica !== false
        become(isReplica ? 'replica' : 'master', nowMs())
        // A server can be out of recovery and still refuse writes (pg_auto_failover's default_transaction_read_only).
        if (isReplica) endEra()
        else await insert(client).catch(refusedOrGone(endEra))
        if (question % COUNT_EVERY === 0) {
          const counted = await client.query<{ probes: number }>(PROBES)
          tell({ kind: 'probes', node, probes: counted.rows[0]?.probes ?? 0, atMs: nowMs() })
        }
        await pause(EVERY_MS)
      }
    } catch {
      become('down', nowMs())
      endEra()
    }
    client.connection.stream.destroy()
    await pause(EVERY_MS)
  }
}

/** A refusal by the server ends the era; anything else is for the caller: the connection is gone. */
function refusedOrGone(endEra: () => void): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof Error && 'severity' in error && error.severity === 'ERROR')) throw error
    endEra()
  }
}

process.on('disconnect', () => process.exit(0))
const nodes = JSON.parse(process.argv[2] ?? '[]') as readonly OracleNode[]
for (const node of nodes) void watch(node)
