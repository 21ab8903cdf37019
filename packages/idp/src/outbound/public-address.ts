import { BlockList, isIPv4, isIPv6 } from 'node:net'

/**
 * What of IPv4 is for anything else than to be reached from everywhere (IANA IPv4 Special-Purpose Address Registry), and one public
 * address by which machines of Azure ask their host for credentials.
 */
const special = new BlockList()
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['168.63.129.16', 32],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const) {
  special.addSubnet(network, bits)
}

/**
 * All that is reached from everywhere lies here (IANA IPv6 Address Space). What embeds an IPv4 address does not: mapped
 * (::ffff:0:0/96), NAT64 (64:ff9b::/96, 64:ff9b:1::/48). Nor do fc00::/7, fe80::/10 and the metadata addresses of clouds.
 */
const unicast = new BlockList()
unicast.addSubnet('2000::', 3, 'ipv6')

/** Except for these (IANA IPv6 Special-Purpose Address Registry): Teredo and its like, 6to4, documentation. */
const specialIPv6 = new BlockList()
for (const [network, bits] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  specialIPv6.addSubnet(network, bits, 'ipv6')
}

/**
 * May a server be called at this address by whoever names it, though he is a stranger? Only where it is public, and not by one
 * of the spellings in which a private one can hide.
 *
 * @param address as `dns.lookup` tells it; anything else, an address with a zone too, is none
 */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !special.check(address)
  if (!isIPv6(address) || address.includes('%')) return false
  return unicast.check(address, 'ipv6') && !specialIPv6.check(address, 'ipv6')
}
