import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Ground } from '../frame/ground.ts'

/** An authority, the certificates of servers and of the application, and a list of revoked ones: files that are replaced at run time. */
export class CertificateFiles {
  readonly #ground: Ground
  readonly #folder: string
  readonly #serials = new Map<string, number>()
  readonly #revoked: number[] = []
  #generation = 1
  #nextSerial = 1

  constructor(ground: Ground) {
    this.#ground = ground
    this.#folder = ground.makeFolder('tls')
  }

  /** What one side trusts: the application and the servers have a file each. */
  authorityFile(side: 'application' | 'server'): string {
    return this.#path(`trusted-by-${side}.crt`)
  }

  get revocationFile(): string {
    return this.#path('revoked.crl')
  }

  certificate(name: string): string {
    return this.#path(`${name}.crt`)
  }

  key(name: string): string {
    return this.#path(`${name}.key`)
  }

  async makeAll(names: readonly string[]): Promise<void> {
    await this.#makeAuthority()
    this.#trust(`authority-${this.#generation}.crt`)
    for (const name of names) await this.renew(name)
    await this.#writeRevocations()
  }

  /** A new certificate with a new key, by the authority of now. */
  async renew(name: string): Promise<void> {
    const serial = this.#nextSerial++
    const [key, request, made] = [this.key(`${name}.new`), this.#path(`${name}.csr`), this.certificate(`${name}.new`)]
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    const subject = ['-subj', `/CN=${name}`]
    const extensions = this.#path('names.ext')
    this.#ground.write(extensions, 'subjectAltName = IP:127.0.0.1, DNS:localhost\n')
    await this.#openssl('req', ...curve, '-keyout', key, '-out', request, ...subject)
    const authority = this.#path(`authority-${this.#generation}`)
    const signing = [
      '-CA',
      `${authority}.crt`,
      '-CAkey',
      `${authority}.key`,
      '-set_serial',
      String(serial),
      '-days',
      '30',
    ]
    await this.#openssl('x509', '-req', '-in', request, '-out', made, '-extfile', extensions, ...signing)
    this.#ground.write(this.key(name), readFileSync(key, 'utf8'))
    this.#ground.write(this.certificate(name), readFileSync(made, 'utf8'), 0o644)
    this.#serials.set(name, serial)
  }

  /** A new authority that signs from now on; both sides trust the old one too until `forgetOldAuthority`. */
  async renewAuthority(): Promise<void> {
    const old = `authority-${this.#generation}.crt`
    this.#generation += 1
    await this.#makeAuthority()
    this.#trust(old, `authority-${this.#generation}.crt`)
    this.#revoked.length = 0
    await this.#writeRevocations(`authority-${this.#generation - 1}`)
  }

  async forgetOldAuthority(): Promise<void> {
    this.#trust(`authority-${this.#generation}.crt`)
    await this.#writeRevocations()
  }

  /** The serial number of a certificate, as `pg_stat_ssl` shows it. */
  serialOf(name: string): string {
    return String(this.#serials.get(name) ?? 0)
  }

  async revoke(name: string): Promise<void> {
    this.#revoked.push(this.#serials.get(name) ?? 0)
    await this.#writeRevocations()
  }

  #path(file: string): string {
    return join(this.#folder, file)
  }

  async #makeAuthority(): Promise<void> {
    const authority = this.#path(`authority-${this.#generation}`)
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    const files = ['-keyout', `${authority}.key`, '-out', `${authority}.crt`, '-days', '30']
    await this.#openssl('req', '-x509', ...curve, ...files, '-subj', `/CN=authority ${this.#generation}`)
  }

  #trust(...files: readonly string[]): void {
    const text = files.map((file) => readFileSync(this.#path(file), 'utf8')).join('')
    for (const side of ['application', 'server'] as const) this.#ground.write(this.authorityFile(side), text, 0o644)
  }

  /** Writes what the authority of now has revoked; an older one that is still trusted needs an (empty) list as well. */
  async #writeRevocations(older?: string): Promise<void> {
    const lists = [await this.#revocations(`authority-${this.#generation}`, this.#revoked)]
    if (older !== undefined) lists.push(await this.#revocations(older, []))
    this.#ground.write(this.revocationFile, lists.join(''), 0o644)
  }

  async #revocations(authority: string, serials: readonly number[]): Promise<string> {
    const [index, settings] = [this.#path('index.txt'), this.#path('authority.cnf')]
    const list = this.#path(`${authority}.crl`)
    // OpenSSL's index has serial numbers in hexadecimal, with an even number of digits.
    const digits = (serial: number): string => serial.toString(16).toUpperCase().padStart(4, '0')
    const lines = serials.map((serial) => `R\t491231235959Z\t250101000000Z\t${digits(serial)}\tunknown\t/CN=revoked\n`)
    this.#ground.write(index, lines.join(''))
    this.#ground.write(
      settings,
      `[ca]\ndefault_ca = this\n[this]\ndatabase = ${index}\ndefault_md = sha256\ndefault_crl_days = 30\n`,
    )
    const signing = ['-cert', this.#path(`${authority}.crt`), '-keyfile', this.#path(`${authority}.key`)]
    await this.#openssl('ca', '-gencrl', '-config', settings, '-out', list, ...signing)
    return readFileSync(list, 'utf8')
  }

  async #openssl(...args: readonly string[]): Promise<void> {
    await this.#ground.must('openssl', args)
  }
}
