import { hasProxyTraces, isLoopback } from '@rekey/service'
import type { FastifyRequest } from 'fastify'

/**
 * Does a process on this machine itself ask? A browser on it is none: it asks for whatever page it shows. Pages of others say so by
 * `Origin` or `Sec-Fetch-Site`, or are here under a name of their own that leads to this machine (DNS rebinding).
 */
export function isInternal({ raw, headers }: FastifyRequest): boolean {
  const { host = '', origin, 'sec-fetch-site': site } = headers
  const isBrowser = origin !== undefined || site !== undefined
  return isLoopback(raw.socket.remoteAddress ?? '') && isOwnName(host) && !isBrowser && !hasProxyTraces(headers)
}

function isOwnName(host: string): boolean {
  const url = `http://${host}`
  return URL.canParse(url) && isLoopback(new URL(url).hostname.replace(/^\[|\]$/g, ''))
}
