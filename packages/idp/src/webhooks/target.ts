import { isIP } from 'node:net'
import { type OutboundRules, requireAddresses, requireCallable } from '../outbound/rules.ts'

/**
 * Says early that a URL will never be called. It is judged once more whenever it is called: what a name resolves to changes.
 *
 * @throws IdpError `OUTBOUND_REFUSED`
 */
export async function requireTarget(rules: OutboundRules, text: string): Promise<void> {
  const url = requireCallable(rules, text)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (rules.isAllowed(url) || isIP(host) > 0) return
  // A name that does not resolve at the moment is none that may not be called.
  const addresses = await rules.resolve(host).catch(() => [])
  requireAddresses(rules, url, addresses)
}
