/** A database with its two roles at hand. */
export type WithRoles<TDatabase, TRole> = TDatabase & {
  /** Everything goes to the master: reads that must see what was just written, functions that write. */
  readonly $primary: TRole
  /** Everything goes to a replica, transactions included: `$replica.transaction(fn, { accessMode: 'read only' })`. */
  readonly $replica: TRole
}

/** Puts the databases of the roles on the one that chooses; the same for every driver of Drizzle's. */
export function withRoles<TDatabase extends object, TRole>(
  database: TDatabase,
  roles: { readonly $primary: TRole; readonly $replica: TRole },
): WithRoles<TDatabase, TRole> {
  return Object.assign(database, roles)
}
