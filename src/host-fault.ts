/**
 * What an error says about the host it came from.
 *
 * - `down`: nobody listens, or no route.
 * - `lost`: an established connection ended, or a pooler in between could not or would not go on.
 * - `silent`: no answer within the deadline.
 * - `unresolved`: its name could not be looked up, or our certificates cannot be used, which says nothing of the server itself.
 * - `not-ready`: alive, but starting, recovering or shutting down (57P03, 57P02).
 * - `access`: it refuses us by configuration (28xxx, 3D000, TLS policy).
 * - `capacity`: it is up and has no slot for us (53300).
 * - `server-error`: it is up, and something inside it failed: disk, memory, I/O, corruption (53100, XX000, …). Counted.
 * - `role-doubted`: it did not behave like what we took it for (25006 on a master lease).
 * - `role-hint`: it may have another role than we think (55000, 0A000): worth a look, and nothing more.
 */
export type HostFault =
  | 'down'
  | 'lost'
  | 'silent'
  | 'unresolved'
  | 'not-ready'
  | 'access'
  | 'capacity'
  | 'server-error'
  | 'role-doubted'
  | 'role-hint'
