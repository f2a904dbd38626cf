import type { HostId } from './host-spec.ts'

/** Makes the identity of a host: `host:port`, IPv6 in brackets, a socket as the path of its file. */
export function hostIdOf(host: string, port: number): HostId {
  if (isSocketHost(host)) return brand(`${host}/.s.PGSQL.${port}`)
  return brand(host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)
}

/** A Unix socket is named by its folder (`/…`) or as an abstract one (`@…`). */
export function isSocketHost(host: string): boolean {
  return host.startsWith('/') || host.startsWith('@')
}

function brand(text: string): HostId {
  return text as HostId
}
