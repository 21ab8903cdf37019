import { isIP } from 'node:net'

/** Stands in the place of addresses that are not told apart. */
export const otherAddresses = 'others'

/** An IPv6 address of which the last part is written as an IPv4 address. */
const longestAddress = 45

/**
 * Where a request came from, as it may be kept and counted. A trusted proxy that hands `X-Forwarded-For` on as it came lets
 * anybody write anything there, of any length.
 */
export function addressOf(text: string): string {
  return text.length <= longestAddress && isIP(text) > 0 ? text : otherAddresses
}
