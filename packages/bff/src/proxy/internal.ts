import { hasProxyTraces, isLoopback } from '@rekey/service'
import type { FastifyRequest } from 'fastify'

/** Does a process on this machine itself ask? */
export function isInternal({ raw, headers }: FastifyRequest): boolean {
  return isLoopback(raw.socket.remoteAddress ?? '') && !hasProxyTraces(headers)
}
