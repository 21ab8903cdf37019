import type { App } from '@rekey/service'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Instance } from '../instance.ts'
import { metadataOf } from '../oidc/metadata.ts'
import { codes } from '../openapi/errors.ts'
import { historicalKeys } from './historical.ts'

const tags = ['discovery']
const keySet = z.object({ keys: z.array(z.looseObject({ kty: z.string(), kid: z.string(), alg: z.string() })) })
const keys = {
  tags,
  summary: 'The keys that tokens are signed by (RFC 7517)',
  response: { 200: keySet, 304: z.null() },
  refuses: codes('NO_LEASE'),
}
const historical = {
  tags,
  summary: 'The keys that are accepted no more, and why (OpenID Federation 1.0 §8.7)',
  description: 'Keys with `iat`, `exp` and, where they were revoked, `revoked`.',
  response: { 200: { description: 'A signed JWT', content: { 'application/jwk-set+jwt': { schema: z.string() } } } },
  refuses: codes('NO_LEASE'),
}
const metadataShape = z.looseObject({ issuer: z.string(), token_endpoint: z.string(), jwks_uri: z.string() })
const about = { tags, summary: 'Metadata of the server (RFC 8414)', response: { 200: metadataShape } }

/** What anybody may read: the key set and the server's metadata (RFC 8414, OpenID Connect Discovery 1.0). */
export function publicRoutes(app: App, instance: Instance): void {
  const { config } = instance
  const cacheControl = `public, max-age=${Math.floor(config.jwksMaxAgeMs / 1_000)}`
  const metadata = metadataOf(config)

  async function jwks(request: FastifyRequest, reply: FastifyReply) {
    // Without a lease this set may hold a key that was revoked since: better no answer than that one.
    instance.requireLease()
    const { body, etag } = instance.keys().jwks
    reply.headers({ 'cache-control': cacheControl, etag, 'access-control-allow-origin': '*' })
    if (matches(request.headers['if-none-match'], etag)) return reply.code(304).send()
    return reply.type('application/json').send(body)
  }

  for (const path of ['/.well-known/jwks.json', '/api/oidc/jwks']) app.get(path, { schema: keys }, jwks)

  const before = historicalKeys(instance)
  for (const path of ['/.well-known/federation-historical-keys', '/federation_historical_keys']) {
    app.get(path, { schema: historical }, async (_request, reply) => {
      instance.requireLease()
      const jwt = await before()
      reply.headers({ 'cache-control': cacheControl, 'access-control-allow-origin': '*' })
      return reply.type('application/jwk-set+jwt').send(jwt)
    })
  }

  for (const prefix of ['', '/api/oidc']) {
    for (const name of ['openid-configuration', 'oauth-authorization-server']) {
      app.get(`${prefix}/.well-known/${name}`, { schema: about }, async (_request, reply) =>
        reply.header('access-control-allow-origin', '*').send(metadata),
      )
    }
  }
}

/** If-None-Match is a list of entity tags, weak ones among them, or `*` (RFC 9110 §13.1.2). */
function matches(header: string | undefined, etag: string): boolean {
  const tags = header?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? []
  return tags.includes(etag) || tags.includes('*')
}
