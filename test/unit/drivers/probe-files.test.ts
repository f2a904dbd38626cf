import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'vitest'
import { PoolManager as Pg } from 'hasql/pg'
import { PoolManager as Postgres } from 'hasql/postgres'
import { eventually } from '../../support/eventually.ts'
import { makeTlsCertificate } from '../../../src/testing/tls-certificate.ts'

test.each([
  ['pg', Pg],
  ['postgres', Postgres],
])(
  'hasql/%s: a file of the checks that is not there yet is the error of the host, until it is there',
  async (_name, Manager) => {
    const folder = mkdtempSync(join(tmpdir(), 'hasql-probe-files-'))
    const file = join(folder, 'root.crt')
    const nobody = 'postgresql://app@127.0.0.1:1/app'
    const db = new Manager(nobody, {
      probe: { dsn: `${nobody}?sslmode=verify-full&sslrootcert=${file}` },
      refreshDelayMs: 20,
    })
    const why = async (): Promise<string> =>
      db.acquireMaster({ timeoutMs: 50 }).then(
        () => 'leased',
        (error: unknown) => String(error),
      )
    try {
      await eventually('the file is named', async () =>
        (await why()).includes('sslrootcert: the file it names is missing'),
      )
      writeFileSync(file, makeTlsCertificate().certificate)
      await eventually('the host itself is tried', async () => (await why()).includes('ECONNREFUSED'))
    } finally {
      await db.terminate()
      rmSync(folder, { recursive: true })
    }
  },
)
