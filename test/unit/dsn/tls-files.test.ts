import { mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CertificateError, TlsFiles } from '../../../src/dsn/tls-files.ts'
import { DsnError } from '../../../src/dsn/dsn-error.ts'
import { makeTlsCertificate } from '../../../src/testing/tls-certificate.ts'
import { parse } from '../../support/dsn/read.ts'
import { classifyError } from '../../../src/driver/classify-error.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hasql-files-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const pairs = [makeTlsCertificate(), makeTlsCertificate()] as const
const write = (name: string, text: string): void => writeFileSync(join(folder, name), text)

function filesOf(parameters: string): TlsFiles {
  const [spec] = parse(
    `postgresql://u@h/d?sslmode=verify-ca&${parameters.replaceAll('=F/', `=${encodeURIComponent(folder)}/`)}`,
  ).hosts
  return new TlsFiles(spec)
}

test('a file that was renewed is read for the next connection, however it was replaced', () => {
  write('root.crt', pairs[0].certificate)
  const files = filesOf('sslrootcert=F/root.crt')
  expect(files.options()?.ca).toBe(pairs[0].certificate)
  expect(files.options()?.ca).toBe(pairs[0].certificate)
  write('new.crt', pairs[1].certificate)
  renameSync(join(folder, 'new.crt'), join(folder, 'root.crt'))
  expect(files.options()?.ca).toBe(pairs[1].certificate)
  write('root.crt', `${pairs[0].certificate}\n`)
  expect(files.options()?.ca).toBe(`${pairs[0].certificate}\n`)
})

test('a folder that is swapped behind a symbolic link, as Kubernetes renews secrets, is noticed', () => {
  write('secret-1', pairs[0].certificate)
  write('secret-2', pairs[1].certificate)
  symlinkSync('secret-1', join(folder, 'data'))
  const files = filesOf('sslrootcert=F/data')
  expect(files.options()?.ca).toBe(pairs[0].certificate)
  symlinkSync('secret-2', join(folder, 'data-next'))
  renameSync(join(folder, 'data-next'), join(folder, 'data'))
  expect(files.options()?.ca).toBe(pairs[1].certificate)
})

test('a pair of which one half is renewed is an error that says so, until the other half is there', () => {
  write('root.crt', pairs[0].certificate)
  write('client.crt', pairs[0].certificate)
  write('client.key', pairs[0].key)
  const files = filesOf('sslrootcert=F/root.crt&sslcert=F/client.crt&sslkey=F/client.key')
  expect(files.options()).toMatchObject({ cert: pairs[0].certificate, key: pairs[0].key })
  write('client.crt', `${pairs[1].certificate}\n`)
  expect(() => files.options()).toThrow(CertificateError)
  expect(() => files.options()).toThrow('sslcert and sslkey do not belong together')
  write('client.key', `${pairs[1].key}\n`)
  expect(files.options()).toMatchObject({ cert: `${pairs[1].certificate}\n`, key: `${pairs[1].key}\n` })
})

test('a file that is cut short, or is missing for a moment, is the error of that connection alone', () => {
  write('root.crt', pairs[0].certificate)
  write('short.crt', pairs[0].certificate)
  write('short.key', pairs[0].key)
  const files = filesOf('sslrootcert=F/root.crt&sslcert=F/short.crt&sslkey=F/short.key')
  write('short.key', pairs[0].key.slice(0, 60))
  expect(() => files.options()).toThrow('names a file that cannot be used')
  unlinkSync(join(folder, 'short.key'))
  expect(() => files.options()).toThrow(DsnError)
  write('short.key', pairs[0].key)
  expect(files.options()).toMatchObject({ key: pairs[0].key })
})

test('what is wrong with our own files says nothing of the host', () => {
  for (const error of [new CertificateError('why'), new DsnError('unreadable-file', 'why')]) {
    expect([classifyError(error, 'connect'), classifyError(error, 'session')]).toEqual(['unresolved', undefined])
  }
})
