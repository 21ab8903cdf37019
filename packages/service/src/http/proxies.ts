/** Whose word is taken for where a request comes from. */
import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import { z } from 'zod'
import { isNetwork } from './networks.ts'

/** Addresses (10.0.0.5) and networks (10.0.0.0/8, fd00::/8), separated by commas. */
export const networks = z.string().transform((text, context) => {
  const named = text.split(',').map((part) => part.trim())
  const wrong = named.filter((network) => isIP(network) === 0 && !isNetwork(network))
  for (const network of wrong) context.addIssue({ code: 'custom', message: `${network} is no address and no network` })
  return named
})

/** For Fastify: whose X-Forwarded-For is believed. */
export function trustProxy(trusted: readonly string[]): boolean | string[] {
  // Its list knows no network of no bits.
  return includesEverybody(trusted) || (trusted.length > 0 && [...trusted])
}

/** Whether anybody at all is believed: then everybody says himself where he calls from. */
export function includesEverybody(trusted: readonly string[]): boolean {
  return trusted.some((network) => /\/0+$/.test(network))
}

/** What a proxy leaves of itself. Who comes by one may be anybody, although the proxy itself runs on this machine. */
const traces = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip']

/** Did a request come by a proxy that says so? */
export function hasProxyTraces(headers: IncomingHttpHeaders): boolean {
  return traces.some((name) => headers[name] !== undefined)
}
