import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TLSSocket } from 'node:tls'
import type { TLSSocketOptions } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PgCluster } from 'hasql/testing'
import type { PgNode } from 'hasql/testing'
import { run } from '../../../src/cli/run.ts'
import { makeTlsCertificate } from '../../../src/testing/tls-certificate.ts'
import { FakeIo } from '../../support/fake-io.ts'
import { NameServer } from '../../support/name-server.ts'

const folder = mkdtempSync(join(tmpdir(), 'hasql-check-'))
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text, { mode: 0o600 })
  return join(folder, name)
}
const [own, other, expired] = [makeTlsCertificate(), makeTlsCertificate(), makeTlsCertificate('010101000000Z')]
const otherRoot = file('other.pem', other.certificate)
const expiredRoot = file('expired.pem', expired.certificate)
const ownRoot = file('own.pem', own.certificate)
const client = `sslcert=${file('client.pem', other.certificate)}&sslkey=${file('client.key', other.key)}`

let cluster: PgCluster
let root: string
let nodes: readonly [PgNode, PgNode, PgNode]
const fakes: Server[] = []

beforeAll(async () => {
  cluster = await PgCluster.start({ replicas: 2, ssl: true, password: 'right' })
  const [one, two, three] = cluster.nodes
  if (one === undefined || two === undefined || three === undefined) throw new Error('three nodes are expected')
  nodes = [one, two, three]
  root = file('root.pem', cluster.caCertificate ?? '')
  // The second node rejects a role, the third has no TLS.
  const access = join(two.dataFolder, 'pg_hba.conf')
  const rules = readFileSync(access, 'utf8')
  writeFileSync(access, 'host all rejected all reject\nhost all trusted all trust\n')
  appendFileSync(access, rules)
  const [certificate] = await two.query<{ file: string }>("select current_setting('ssl_cert_file') as file")
  await two.setting('ssl_ca_file', certificate?.file ?? '')
  await three.setting('ssl', 'off')
})
afterAll(async () => {
  for (const fake of fakes) fake.close()
  await cluster.close()
  rmSync(folder, { recursive: true })
})

const SSL_REQUEST = 80877103

/** A server that refuses everybody with this error, as one that has no TLS. */
async function refusing(code: string, message: string): Promise<number> {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${message}\0\0`)
  const head = Buffer.alloc(5)
  head.write('E')
  head.writeInt32BE(fields.length + 4, 1)
  return listening((socket) => {
    socket.on('data', (data) => {
      if (data.length >= 8 && data.readInt32BE(4) === SSL_REQUEST) socket.write('N')
      else socket.end(Buffer.concat([head, fields]))
    })
  })
}

/** A server that gets no further than TLS. */
async function encrypting(options: TLSSocketOptions): Promise<number> {
  return listening((socket) => {
    socket.once('data', () => {
      socket.write('S')
      const encrypted = new TLSSocket(socket, { isServer: true, ...options })
      encrypted.on('error', () => undefined)
    })
  })
}

async function listening(serve: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    serve(socket)
  })
  fakes.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

const names = new NameServer()
names.set('other.test', ['127.0.0.1'])

async function check(dsn: string): Promise<{ readonly code: number; readonly out: string }> {
  const io = new FakeIo()
  if (dsn.includes('other.test')) io.lookup = names.lookup
  const code = await run(['check', dsn, '--connect-timeout', '2s'], io)
  // Whatever it is, these are said to nobody.
  expect(io.out.text).not.toMatch(/SSL routines|error:[0-9A-F]{8}|deps\/openssl/)
  expect(io.out.text).not.toContain('for 0.0 s')
  return { code, out: io.out.text }
}

/** At which step it fails, the words of that line, the advice, and the exit status. */
type Case = readonly [
  name: string,
  dsn: () => string | Promise<string>,
  step: string,
  says: RegExp,
  advice: RegExp,
  code: number,
]

const at = (node: number, rest = '', who = 'app:right', host = '127.0.0.1'): string =>
  `postgresql://${who}@${host}:${nodes[node]?.port ?? 0}/${rest.startsWith('?') ? `app${rest}` : rest === '' ? 'app' : rest}`
const to = (port: number, query = '', who = 'app'): string => `postgresql://${who}@127.0.0.1:${port}/app${query}`

const CASES: readonly Case[] = [
  [
    'a wrong password',
    () => at(0, '', 'app:wrong'),
    'authentication',
    /28P01/,
    /The password is not that of the role/,
    7,
  ],
  ['an unknown role', () => at(0, '', 'nobody:right'), 'authentication', /28P01/, /or there is no such role/, 7],
  ['no password', () => at(0, '', 'app'), 'authentication', /password/, /No password was found: set PGPASSWORD/, 7],
  [
    'pg_hba.conf rejects, and there is no password',
    () => at(1, '', 'rejected'),
    'authentication',
    /28000/,
    /pg_hba\.conf rejects it/,
    7,
  ],
  [
    'an unknown role that is trusted',
    () => at(1, '', 'trusted'),
    'authentication',
    /28000/,
    /no such role that may log in/,
    7,
  ],
  ['an unknown database', () => at(0, 'nowhere'), 'database', /3D000/, /There is no such database: check dbname/, 7],
  [
    'the server has no TLS',
    () => at(2, '?sslmode=require'),
    'TLS',
    /sslmode=require demands it/,
    /Turn ssl on in the server/,
    7,
  ],
  [
    'a certificate that vouches for itself',
    () => at(0, '?sslmode=verify-full'),
    'TLS',
    /SELF_SIGNED/,
    /name it with sslrootcert/,
    7,
  ],
  [
    'another root certificate',
    () => at(0, `?sslmode=verify-ca&sslrootcert=${otherRoot}`),
    'TLS',
    /not accepted: /,
    /another one that is named there does not vouch for it/,
    7,
  ],
  [
    'another name',
    () => at(0, `?sslmode=verify-full&sslrootcert=${root}`, 'app:right', 'other.test'),
    'TLS',
    /ALTNAME/,
    /The certificate is for another name/,
    7,
  ],
  [
    'an expired certificate',
    async () =>
      to(
        await encrypting({ cert: expired.certificate, key: expired.key }),
        `?sslmode=verify-ca&sslrootcert=${expiredRoot}`,
      ),
    'TLS',
    /CERT_HAS_EXPIRED/,
    /renew it on the server/,
    7,
  ],
  [
    'a client certificate is demanded',
    async () =>
      to(
        await encrypting({
          ...{ cert: own.certificate, key: own.key, requestCert: true, rejectUnauthorized: true },
          ...{ ca: own.certificate, maxVersion: 'TLSv1.2' },
        }),
        `?sslmode=verify-ca&sslrootcert=${ownRoot}`,
      ),
    'TLS',
    /TLS: the server refused the handshake \(OpenSSL 0A[0-9A-F]{6}\)/,
    /It demands a client certificate \(sslcert, sslkey\)/,
    7,
  ],
  [
    'a client certificate of an authority that the server does not know',
    () => at(1, `?sslmode=require&${client}`),
    '(TLS|authentication)',
    /TLS: the server does not know the authority of the client certificate \(OpenSSL 0A[0-9A-F]{6}\)/,
    /an authority in the ssl_ca_file of the server/,
    7,
  ],
  [
    'TLS at once, to a server without it',
    () => at(2, '?sslmode=require&sslnegotiation=direct'),
    'TLS',
    /TLS|ECONNRESET|ended/,
    /sslnegotiation|agree on TLS|ended/,
    6,
  ],
  [
    'no version of TLS in common',
    async () =>
      to(
        await encrypting({ cert: own.certificate, key: own.key, minVersion: 'TLSv1.3' }),
        `?sslmode=require&ssl_max_protocol_version=TLSv1.2`,
      ),
    'TLS',
    /TLS: both sides have no version of TLS in common \(OpenSSL 0A[0-9A-F]{6}\)/,
    /ssl_min_protocol_version/,
    7,
  ],
  [
    'a startup parameter that PgBouncer does not take',
    async () => to(await refusing('08P01', 'unsupported startup parameter: options')),
    'authentication',
    /08P01/,
    /add it to ignore_startup_parameters/,
    6,
  ],
  [
    'PgBouncer that waits before it logs in again',
    async () => to(await refusing('08P01', 'server login has been failing, try again later (server_login_retry)')),
    'authentication',
    /08P01/,
    /every server_login_retry seconds \(15 by default; set 1\)/,
    6,
  ],
  [
    'a database that PgBouncer does not have',
    async () => to(await refusing('08P01', 'no such database: app')),
    'authentication',
    /08P01/,
    /\[databases\]/,
    6,
  ],
  [
    'a server that starts',
    async () => to(await refusing('57P03', 'the database system is starting up')),
    'authentication',
    /57P03/,
    /The server is starting, recovering or shutting down/,
    6,
  ],
  [
    'a full server',
    async () => to(await refusing('53300', 'sorry, too many clients already')),
    'authentication',
    /53300/,
    /raise max_connections/,
    6,
  ],
  ['nobody listens', () => to(1), 'TCP', /ECONNREFUSED/, /Nothing listens there/, 6],
  [
    'a name that does not exist',
    () => 'postgresql://app@no-such-host.invalid/app',
    'look-up',
    /no-such-host\.invalid/,
    /name does not exist|resolver/,
    6,
  ],
]

describe('what check says, and what to do', () => {
  test.each(CASES)('%s', async (_name, dsn, step, says, advice, code) => {
    const { out, code: ended } = await check(await dsn())
    const line = new RegExp(`^  ${step} +FAIL.*$`, 'm').exec(out)?.[0]
    expect(line, out).toMatch(says)
    expect(out.slice(out.indexOf('What to do'))).toMatch(advice)
    expect(ended).toBe(code)
  })

  test('a frozen server', async () => {
    await nodes[2].freeze()
    const { out, code } = await check(at(2))
    nodes[2].thaw()
    expect(out).toMatch(/TLS +FAIL .*no answer within \d+ ms/)
    expect(out).toContain(
      'The port is open, but nobody answers: the server is frozen or overloaded, or is not PostgreSQL.',
    )
    expect(code).toBe(6)
  })
})
