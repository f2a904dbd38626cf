import { createHash, timingSafeEqual } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import { dashboard } from 'hasql/dashboard'
import { AcquireTimeoutError, NotWritableError, OptionsError } from 'hasql/pg'
import type { PoolManager } from 'hasql/pg'
import { registerMetrics } from 'hasql/prometheus'
import type { PoolClient } from 'pg'
import { Registry } from 'prom-client'

/** A request must be answered one way or the other long before its client gives up. */
const PATIENCE_MS = 2_000

/** The service, and what ends it. */
export interface Service {
  readonly app: FastifyInstance
  /** Not ready any more, requests are finished, the manager is closed. The same promise on every call. */
  readonly stop: () => Promise<void>
}

/**
 * An HTTP service whose requests are answered by the master or by a replica. `drainMs`: for how long it goes on when it is
 * stopped, so that a load balancer sees that it is not ready before it is gone. `adminToken`: what an operator must show; without
 * one there are no routes for operators.
 */
export function makeService(db: PoolManager, drainMs: number, adminToken?: string): Service {
  const app = fastify({ forceCloseConnections: 'idle' })
  const page = dashboard(db, { title: 'web service' })
  const registry = new Registry()
  registerMetrics(registry, db)
  let ready = true
  let stopped: Promise<void> | undefined

  app.get('/master', () => db.withMaster(whoAnswers, { timeoutMs: PATIENCE_MS }))
  app.get('/replica', () => db.withReplica(whoAnswers, { fallbackMaster: true, retry: true, timeoutMs: PATIENCE_MS }))
  app.get('/metrics.json', () => db.metrics())
  app.get('/metrics', async (_request, reply) => {
    return reply.type(registry.contentType).send(await registry.metrics())
  })
  app.get('/health/live', () => ({ live: true }))
  app.get('/health/ready', (_request, reply) => {
    const { masterPoolCount: masters, replicaPoolCount: replicas } = db
    const serves = ready && masters + replicas > 0
    return reply.code(serves ? 200 : 503).send({ ready: serves, masters, replicas })
  })
  // For those who run the service: put it where the public does not get.
  app.get('/hasql/*', (request, reply) => {
    reply.hijack()
    page(request.raw, reply.raw)
  })
  // Ends a fence by hand (docs/failure-model.md). Each instance must be told, so call it on each, not through the load balancer.
  app.post<{ Params: { host: string } }>('/admin/accept-master/:host', (request, reply) => {
    if (!isOperator(request.headers.authorization, adminToken)) return reply.code(403).send({ error: 'forbidden' })
    try {
      db.acceptMaster(request.params.host)
      return { accepted: request.params.host }
    } catch (error) {
      if (error instanceof NotWritableError) return reply.code(409).send({ error: error.message })
      if (error instanceof OptionsError) return reply.code(404).send({ error: error.message })
      throw error
    }
  })
  // A connection that is kept open would keep the service from ending.
  app.addHook('onSend', async (_request, reply) => {
    if (!ready) void reply.header('connection', 'close')
  })
  app.setErrorHandler((error, _request, reply) => {
    if (error instanceof AcquireTimeoutError)
      return reply.code(503).header('retry-after', '1').send({ error: error.message })
    return reply.send(error)
  })

  const end = async (): Promise<void> => {
    ready = false
    await setTimeout(drainMs)
    page.close()
    await app.close()
    await db.close()
  }
  return { app, stop: () => (stopped ??= end()) }
}

/** Compares in constant time, so that the time tells nothing of the secret. */
function isOperator(shown: string | undefined, token: string | undefined): boolean {
  if (token === undefined || token === '' || shown === undefined) return false
  const [one, other] = [shown, `Bearer ${token}`].map((text) => createHash('sha256').update(text).digest())
  return one !== undefined && other !== undefined && timingSafeEqual(one, other)
}

interface Answer {
  readonly port: number
  readonly inRecovery: boolean
}

async function whoAnswers(connection: PoolClient): Promise<Answer | undefined> {
  const { rows } = await connection.query<Answer>(
    'select inet_server_port() as port, pg_is_in_recovery() as "inRecovery"',
  )
  return rows[0]
}
