import type { App } from '@rekey/service'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Bff } from '../bff.ts'

/** What is sent with everything that says nothing else: it is no page, and stands in nobody's frame. */
const always = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  // `no-referrer` would have browsers hide the origin of our own forms.
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
}

/** Sets the security headers of all replies; a handler's own take their place. To be called before routes are registered. */
export function securityHeaders(
  app: App,
  { config }: { config: { web: Pick<Bff['config']['web'], 'hstsMaxAgeMs'> } },
): void {
  const seconds = Math.floor(config.web.hstsMaxAgeMs / 1_000)
  app.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    reply.headers(always)
    // RFC 6797 §7.2: never over plaintext. Fastify believes X-Forwarded-Proto of trusted proxies only.
    if (seconds > 0 && request.protocol === 'https') reply.header('strict-transport-security', `max-age=${seconds}`)
  })
}

/**
 * The policy of the application's pages: everything comes from here.
 *
 * @param formTargets origins that a form's reply leads on to: browsers hold redirects against `form-action` too
 */
export function pagePolicy(formTargets: readonly string[]): string {
  const policy = [
    "default-src 'self'",
    "img-src 'self' data:",
    "object-src 'none'",
    "base-uri 'none'",
    `form-action ${["'self'", ...formTargets].join(' ')}`,
    "frame-ancestors 'none'",
  ]
  return policy.join('; ')
}
