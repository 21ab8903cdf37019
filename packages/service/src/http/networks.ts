import { BlockList, isIP } from 'node:net'

/** Whether an address is one of these addresses and networks. An IPv4 address that is written as an IPv6 one is the same address. */
export function networkOf(named: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const text of named) {
    const [address = '', bits] = text.split('/')
    if (bits === undefined) list.addAddress(address, familyOf(address))
    else list.addSubnet(address, Number(bits), familyOf(address))
  }
  return (address) => isIP(address) > 0 && list.check(address, familyOf(address))
}

const familyOf = (address: string) => (isIP(address) === 6 ? 'ipv6' : 'ipv4')
