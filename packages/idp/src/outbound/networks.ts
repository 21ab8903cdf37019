import { BlockList, isIP } from 'node:net'

interface Network {
  address: string
  bits: number
  family: 'ipv4' | 'ipv6'
}

/** Networks that were named one by one. */
export interface Networks {
  readonly isEmpty: boolean
  has(address: string): boolean
}

/** Is this a network in CIDR form, as in `10.0.0.0/8` or `fd00::/8`? */
export function isNetwork(text: string): boolean {
  return networkOf(text) !== undefined
}

/** Reads them. What is no network is left out. */
export function networksOf(texts: readonly string[]): Networks {
  const networks = texts.flatMap((text) => networkOf(text) ?? [])
  const list = new BlockList()
  for (const { address, bits, family } of networks) list.addSubnet(address, bits, family)
  return {
    isEmpty: networks.length === 0,
    has(address) {
      const version = isIP(address)
      return version > 0 && !address.includes('%') && list.check(address, version === 4 ? 'ipv4' : 'ipv6')
    },
  }
}

function networkOf(text: string): Network | undefined {
  const [, address = '', digits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? []
  const version = isIP(address)
  const bits = Number(digits)
  if (version === 0 || bits > (version === 4 ? 32 : 128)) return undefined
  return { address, bits, family: version === 4 ? 'ipv4' : 'ipv6' }
}
