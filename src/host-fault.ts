/**
 * What an error says about the host it came from.
 *
 * - `down`: nobody listens, no route, or a pooler that cannot reach its server.
 * - `lost`: an established connection ended.
 * - `silent`: no answer within the deadline.
 * - `not-ready`: alive, but starting, recovering or shutting down (57P03, 57P02).
 * - `access`: it refuses us by configuration (28xxx, 3D000, TLS policy).
 * - `capacity`: it is up and has no slot for us (53300).
 * - `role-doubted`: it did not behave like what we took it for (25006 on a master lease).
 */
export type HostFault = 'down' | 'lost' | 'silent' | 'not-ready' | 'access' | 'capacity' | 'role-doubted'
