import { isIP } from 'node:net'

/**
 * The network that an address is in, as far as a session is bound to it: IPv4 /24, IPv6 /48. People move within these without
 * noticing.
 */
export function networkOf(address: string): string {
  const [plain = ''] = address.split('%')
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain)?.[1] ?? plain
  if (isIP(mapped) === 4) return `${mapped.split('.').slice(0, 3).join('.')}.0/24`
  if (isIP(mapped) === 6) return `${groupsOf(mapped).slice(0, 3).join(':')}::/48`
  return address
}

/** The groups before `::`, and zeros in the place of what that leaves out: enough for a prefix where the rest is as long as it is. */
function groupsOf(address: string): string[] {
  const [head = '', tail] = address.split('::')
  const before = head === '' ? [] : head.split(':')
  if (tail === undefined) return before.map(short)
  const after = tail === '' ? [] : tail.split(':')
  // An IPv4 address at the end takes the place of two groups.
  const taken = before.length + after.length + (tail.includes('.') ? 1 : 0)
  return [...before, ...Array.from({ length: 8 - taken }, () => '0'), ...after].map(short)
}

const short = (group: string) => group.toLowerCase().replace(/^0+(?=.)/, '')
