import type { Ground } from '../frame/ground.ts'
import type { Service } from '../frame/service.ts'
import { DATABASE } from '../frame/stack.ts'
import { until } from '../frame/waiting.ts'
import { pgbouncerIni, userList } from './pgbouncer-files.ts'
import type { PoolMode } from './pgbouncer-files.ts'
import { APPLICATION, runThrough } from './run-through.ts'
import type { Account, Row } from './run-through.ts'

const ADMIN: Account = { name: 'pooler', password: 'pooler-secret', database: 'pgbouncer' }

/** One PgBouncer in front of one server. */
export class Pooler {
  readonly port: number
  readonly #ground: Ground
  readonly #file: string
  #service: Service | undefined

  private constructor(ground: Ground, port: number, file: string) {
    this.#ground = ground
    this.port = port
    this.#file = file
  }

  /** Starts it; resolves when its admin console answers. */
  static async start(ground: Ground, name: string, serverPort: number, poolMode: PoolMode): Promise<Pooler> {
    const folder = ground.makeFolder(name)
    const [file, authFile] = [`${folder}/pgbouncer.ini`, `${folder}/users.txt`]
    const listenPort = await ground.port()
    const place = { poolMode, listenPort, serverPort, database: DATABASE, admin: ADMIN.name, authFile }
    ground.write(authFile, userList([ADMIN, APPLICATION]))
    ground.write(file, pgbouncerIni(place))
    const pooler = new Pooler(ground, listenPort, file)
    await pooler.run()
    return pooler
  }

  /** Starts the program unless it runs. */
  async run(): Promise<void> {
    this.#service?.signal('SIGCONT')
    if (this.#service?.isAlive === true) return
    this.#service = this.#ground.service(`pgbouncer-${this.port}`, 'pgbouncer', [this.#file])
    await until('PgBouncer answers', 10_000, () => this.admin('SHOW VERSION').catch(() => undefined))
  }

  /** Runs a command of the admin console; `PAUSE` answers when it is done, which can take as long as it is wanted. */
  admin(command: string): Promise<readonly Row[]> {
    return runThrough(this.port, ADMIN, command, 30_000)
  }

  async end(): Promise<void> {
    await this.#service?.end()
  }

  tail(): string {
    return `--- pgbouncer on ${this.port}\n${this.#service?.tail() ?? 'not started'}`
  }
}
