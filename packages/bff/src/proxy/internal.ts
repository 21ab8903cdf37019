import { isLoopback } from '@rekey/service'
import type { FastifyRequest } from 'fastify'

/** What a proxy leaves of itself. Who comes by one may be anybody, although the proxy itself runs on this machine. */
const tracesOfProxies = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip']

/** Does a process on this machine itself ask? */
export function isInternal({ raw, headers }: FastifyRequest): boolean {
  return isLoopback(raw.socket.remoteAddress ?? '') && tracesOfProxies.every((name) => headers[name] === undefined)
}
