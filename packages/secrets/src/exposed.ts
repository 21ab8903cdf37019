/** Would a request to this address carry secrets in plaintext beyond this machine? */
export function isExposed({ protocol, hostname }: URL): boolean {
  return protocol !== 'https:' && !isLoopback(addressIn(hostname))
}

/** URLs have IPv6 addresses in brackets. */
export const addressIn = (hostname: string) => hostname.replace(/^\[|\]$/g, '')

/** @param address a host name or an IP address, IPv4 in IPv6 too */
export function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || /^(::ffff:)?127(\.\d{1,3}){3}$/.test(address)
}
