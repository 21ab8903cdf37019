import { BlockList, isIP } from 'node:net'

/** Addresses and networks that were named one by one. */
export interface Networks {
  readonly isEmpty: boolean
  /** An IPv4 address that is written as an IPv6 one is the same address. */
  has(address: string): boolean
}

const longest: Readonly<Record<number, number>> = { 4: 32, 6: 128 }

/** Is this a network in CIDR form, as in `10.0.0.0/8` or `fd00::/8`? */
export function isNetwork(text: string): boolean {
  const [, address = '', bits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? []
  return Number(bits) <= (longest[isIP(address)] ?? -1)
}

/** @param named what is {@link isNetwork}, or an address */
export function networksOf(named: readonly string[]): Networks {
  const list = new BlockList()
  for (const text of named) {
    const [address = '', bits] = text.split('/')
    if (bits === undefined) list.addAddress(address, familyOf(address))
    else list.addSubnet(address, Number(bits), familyOf(address))
  }
  return {
    isEmpty: named.length === 0,
    // An address with a zone is good in that zone alone.
    has: (address) => isIP(address) > 0 && !address.includes('%') && list.check(address, familyOf(address)),
  }
}

const familyOf = (address: string) => (isIP(address) === 6 ? 'ipv6' : 'ipv4')
