/** What of a request says where it comes from. */
export interface Origin {
  readonly header: (name: string) => string | undefined
  readonly remoteAddress: string | undefined
}

/**
 * Whether a request was made by the page itself, in a browser on this machine. The name it was called by is looked at
 * too: a page of somebody else's whose name was pointed at this machine comes from here, and has an origin of its own.
 */
export function isOwnAndLocal({ header, remoteAddress }: Origin): boolean {
  const [host, origin] = [header('host'), header('origin')]
  if (host === undefined || origin === undefined || header('x-hasql-action') === undefined) return false
  const site = header('sec-fetch-site')
  if (site !== undefined && site !== 'same-origin') return false
  return isLoopback(remoteAddress) && isLoopbackName(host) && originHost(origin) === host.toLowerCase()
}

function isLoopback(address: string | undefined): boolean {
  return address !== undefined && /^(?:::ffff:)?127\.|^::1$/.test(address)
}

function isLoopbackName(host: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i.test(host)
}

function originHost(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}
