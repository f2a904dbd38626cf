/** Whether a text is a numeric IPv4 or IPv6 address (a zone such as `%eth0` allowed), without asking the resolver. */
export function isIpAddress(text: string): boolean {
  return text.includes(':') ? isIpv6(text) : isIpv4(text)
}

function isIpv4(text: string): boolean {
  const octets = text.split('.')
  return octets.length === 4 && octets.every(isOctet)
}

function isOctet(text: string): boolean {
  return /^(?:0|[1-9][0-9]{0,2})$/.test(text) && Number(text) <= 255
}

const GROUPS = 8

function isIpv6(text: string): boolean {
  const [address = '', zone, ...rest] = text.split('%')
  if (rest.length > 0 || (zone !== undefined && !/^[A-Za-z0-9._-]+$/.test(zone))) return false
  const [before = '', after, ...more] = address.split('::')
  if (more.length > 0) return false
  if (after === undefined) return countGroups(before, true) === GROUPS
  const [left, right] = [countGroups(before, false), countGroups(after, true)]
  return left !== undefined && right !== undefined && left + right < GROUPS
}

/** How many 16-bit groups a run of them holds; undefined when it is none. The last may be an IPv4 address. */
function countGroups(text: string, ipv4MayEnd: boolean): number | undefined {
  if (text === '') return 0
  const groups = text.split(':')
  const last = groups.at(-1) ?? ''
  const ipv4Ends = ipv4MayEnd && isIpv4(last)
  const hex = ipv4Ends ? groups.slice(0, -1) : groups
  if (!hex.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group))) return undefined
  return hex.length + (ipv4Ends ? 2 : 0)
}
