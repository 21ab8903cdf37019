import type { FastifyReply } from 'fastify'

/**
 * Sends a reply that is not to be cached (RFC 6749 §5.1), as text: the serialiser of the route would check each member of
 * what was just made here.
 */
export function sendJson(reply: FastifyReply, body: object): void {
  reply
    .header('cache-control', 'no-store')
    .header('content-type', 'application/json; charset=utf-8')
    .send(JSON.stringify(body))
}
