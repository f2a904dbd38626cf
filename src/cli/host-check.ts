import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { Driver, ProbeConnection } from '../driver/driver.ts'
import { DsnError } from '../dsn/dsn-error.ts'
import type { HostSpec } from '../dsn/host-spec.ts'
import { CertificateError } from '../dsn/tls-files.ts'
import { isSocketHost } from '../dsn/host-id.ts'
import { isIpAddress } from '../dsn/ip-address.ts'
import { hiddenOf } from '../manager/explain.ts'
import { Probe } from '../monitor/probe.ts'
import { addressesOf } from '../network/addresses.ts'
import type { Address, Lookup, SocketLookup } from '../network/lookup.ts'
import type { Clock } from '../time/clock.ts'
import { lacksOf } from '../topology/host-description.ts'
import type { RoleAnswer } from '../topology/observation.ts'
import { adviceFor } from './advice.ts'
import type { Limit } from './limit.ts'
import { fixedLookup } from './look-all-up.ts'
import { hiddenAdvice, readRights, RIGHTS_QUERY } from './rights.ts'
import { isName } from './target.ts'
import { StepFailure, StepLog } from './step-log.ts'
import type { Step } from './step-log.ts'
import { checkTls, TlsRefusal } from './tls-check.ts'
import { wordLsn } from './words.ts'

/** How one host stood the check. */
export interface HostCheck {
  readonly spec: HostSpec
  readonly steps: readonly Step[]
  readonly advice: readonly string[]
  readonly failure: 'none' | 'out' | 'refused'
}

/** What hosts are checked with. */
export interface CheckMeans {
  readonly limit: Limit
  readonly clock: Clock
  readonly lookup: Lookup
  readonly driver: Pick<Driver<unknown, unknown>, 'openProbe' | 'classify'>
}

/** Goes through all steps of one host, until one fails that the others need. */
export class HostChecker {
  readonly #spec: HostSpec
  readonly #means: CheckMeans
  readonly #steps: StepLog
  readonly #advice: string[] = []

  constructor(spec: HostSpec, means: CheckMeans) {
    this.#spec = spec
    this.#means = means
    this.#steps = new StepLog(means.clock)
  }

  async check(): Promise<HostCheck> {
    try {
      const addresses = await this.#lookUp()
      const lookup = fixedLookup(addresses)
      await this.#encrypt(await this.#connect(lookup))
      await this.#logIn(lookup)
      return this.#result('none')
    } catch (error) {
      if (!(error instanceof StepFailure)) throw error
      const advice = adviceFor(error.step, error.cause, this.#spec)
      if (advice !== undefined) this.#advice.push(advice)
      return this.#result(this.#isRefusal(error.cause) ? 'refused' : 'out')
    }
  }

  /** Whether the host answered and refused us, or cannot be asked like this, rather than being away. */
  #isRefusal(error: unknown): boolean {
    if (error instanceof TlsRefusal || error instanceof DsnError || error instanceof CertificateError) return true
    return this.#means.driver.classify(error, 'connect') === 'access'
  }

  #result(failure: HostCheck['failure']): HostCheck {
    return { spec: this.#spec, steps: this.#steps.steps, advice: this.#advice, failure }
  }

  async #lookUp(): Promise<readonly Address[]> {
    const { host } = this.#spec
    if (!isName(this.#spec)) return []
    return this.#steps.run('look-up', async () => {
      const found = await this.#means.limit.within(
        () => addressesOf(host, this.#means.lookup),
        () => undefined,
      )
      return [found, found.map(({ address }) => address).join(', ')]
    })
  }

  #connect(lookup: SocketLookup): Promise<Socket> {
    const { host, hostAddress, port } = this.#spec
    const target = host.startsWith('@') ? `\0${host.slice(1)}` : host
    const isSocket = hostAddress === undefined && isSocketHost(host)
    const socket = isSocket
      ? connect({ path: `${target}/.s.PGSQL.${port}` })
      : connect({ host: hostAddress ?? host, port, ...(isIpAddress(hostAddress ?? host) ? {} : { lookup }) })
    // An error that comes between two steps is found by the next one.
    socket.on('error', () => undefined)
    return this.#steps.run('TCP', async () => {
      await this.#means.limit.within(
        () => connected(socket),
        () => socket.destroy(),
      )
      return [socket, isSocket ? 'a Unix socket' : `connected to ${socket.remoteAddress ?? '?'} port ${port}`]
    })
  }

  async #encrypt(socket: Socket): Promise<void> {
    try {
      const found = await this.#steps.run('TLS', async () => {
        const seen = await this.#means.limit.within(
          () => checkTls(this.#spec, socket),
          () => socket.destroy(),
        )
        if (seen.refusal === undefined) return [seen, seen.text]
        throw new TlsRefusal(seen.text, seen.refusal)
      })
      const isOpen = !found.isEncrypted && this.#spec.tls.mode === 'prefer'
      if (isOpen)
        this.#advice.push('The connection is not encrypted: turn ssl on in the server, and use sslmode=verify-full.')
    } finally {
      socket.destroy()
    }
  }

  /** A connection as the manager's checks make it: who may not see something learns it here. */
  async #logIn(lookup: SocketLookup): Promise<void> {
    const { database, user } = this.#spec
    const connection = this.#means.driver.openProbe(this.#spec, {
      hold: 'process',
      onLost: () => undefined,
      onHint: () => undefined,
      lookup,
    })
    try {
      const rights = await this.#steps.run('authentication', async () => {
        const row = await this.#means.limit.within(
          () => connection.query(RIGHTS_QUERY),
          () => connection.destroy(),
        )
        return [readRights(row), `as ${user}`]
      })
      // One round trip brought all three.
      this.#steps.add('database', `${database}, PostgreSQL ${rights.version}`)
      this.#steps.add('rights', rights.text)
      if (rights.lack !== undefined) this.#advice.push(rights.lack)
      const answer = await this.#steps.run('role', async () => this.#role(connection))
      const hidden = rights.lack === undefined || answer.lsn === undefined ? hiddenAdvice(lacksOf(answer)) : undefined
      if (hidden !== undefined) this.#advice.push(hidden)
    } finally {
      connection.destroy()
    }
  }

  async #role(connection: ProbeConnection): Promise<readonly [RoleAnswer, string]> {
    const probe = new Probe(
      this.#means.clock,
      () => connection,
      () => undefined,
    )
    const { answer } = await this.#means.limit.within(
      () => probe.ask(),
      () => connection.destroy(),
    )
    const kind = answer.inRecovery ? 'replica' : answer.readOnlyDefault ? 'read-only master' : 'master'
    const timeline = answer.timeline ?? answer.reachedTimeline
    const lacks = hiddenOf(lacksOf(answer))
    const parts = [
      kind,
      timeline === undefined ? '' : `timeline ${timeline}`,
      answer.lsn === undefined ? '' : `at ${wordLsn(answer.lsn)}`,
      lacks ?? '',
    ]
    return [answer, parts.filter((part) => part !== '').join(', ')]
  }
}

function connected(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
}
