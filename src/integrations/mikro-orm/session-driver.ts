import { PostgreSqlConnection, PostgreSqlDriver, PostgreSqlPlatform } from '@mikro-orm/postgresql'
import type { Configuration } from '@mikro-orm/postgresql'
import { OptionsError } from '../../errors.ts'

/** MikroORM's driver with one connection for everything, whose dialect is given. */
export class SessionDriver extends PostgreSqlDriver {
  protected override readonly connection: PostgreSqlConnection
  /** The ORM's own: it has the configuration. */
  protected override readonly platform: PostgreSqlPlatform
  protected override readonly replicas: PostgreSqlConnection[] = []

  constructor(config: Configuration, dialect: object) {
    super(config)
    const platform: unknown = config.getPlatform()
    if (!(platform instanceof PostgreSqlPlatform)) {
      throw new OptionsError('orm', "createSession needs the MikroORM of '@mikro-orm/postgresql'")
    }
    this.platform = platform
    // A read connection does not look whether the database exists and has its indexes: the ORM has done that.
    this.connection = new PostgreSqlConnection(config, { name: 'session', driverOptions: () => dialect }, 'read')
  }
}
