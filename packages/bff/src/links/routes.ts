import { type App, duration, iso, lineOf } from '@rekey/service'
import type { onRequestAsyncHookHandler } from 'fastify'
import { z } from 'zod'
import type { Bff } from '../bff.ts'
import { issueLink } from './issue.ts'

const longestMs = 86_400_000

/** They go to the service in a header, and servers take 8 to 16 kB of all headers together. */
const mostClaimBytes = 4_096

const wish = z.strictObject({
  path: z.string().max(2_048),
  sub: lineOf(255).optional(),
  claims: z
    .record(z.string().max(128), z.unknown())
    .refine((claims) => Buffer.byteLength(JSON.stringify(claims)) <= mostClaimBytes, `${mostClaimBytes} bytes at most`)
    .optional(),
  /** For example `15m`. */
  ttl: duration.refine((ms) => ms >= 1_000 && ms <= longestMs, 'from 1s to 24h').optional(),
})

/**
 * Registers the route by which services have links made for the e-mails that they send.
 *
 * @param authorise lets nobody else through
 * @param actorOf for the audit
 */
export function linkRoutes(
  app: App,
  bff: Bff,
  authorise: onRequestAsyncHookHandler,
  actorOf: (request: Parameters<onRequestAsyncHookHandler>[0]) => string = () => 'operator',
): void {
  app.post('/internal/links', { onRequest: authorise, schema: { body: wish } }, async (request, reply) => {
    const { ttl, ...rest } = request.body
    const { url, expiresAt } = await issueLink(bff, { ...rest, ttlMs: ttl }, actorOf(request))
    return reply
      .code(201)
      .header('cache-control', 'no-store')
      .send({ url, expires_at: iso(expiresAt) })
  })
}
