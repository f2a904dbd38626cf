// A web service on a cluster: npx tsx examples/web-service/main.ts
// From the environment: DSN (else it starts a cluster of its own), PORT (8080), DRAIN_MS (0), ADMIN_TOKEN (none).
import { PoolManager } from 'hasql/pg'
import { PgCluster } from 'hasql/testing'
import { makeService } from './service.ts'

const { DSN, PORT = '8080', DRAIN_MS = '0', ADMIN_TOKEN } = process.env
const cluster = DSN === undefined ? await PgCluster.start({ replicas: 1 }) : undefined
const db = new PoolManager(DSN ?? cluster?.dsn ?? [])
db.start()

const { app, stop } = makeService(db, Number(DRAIN_MS), ADMIN_TOKEN)
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void stop().then(() => cluster?.close()))
console.log(`listening on ${await app.listen({ host: '127.0.0.1', port: Number(PORT) })}`)
