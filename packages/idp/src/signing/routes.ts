import type { FastifyReply, FastifyRequest } from 'fastify'
import type { App } from '../http/app.ts'
import type { Instance } from '../instance.ts'
import { managementScopes } from '../tokens/scopes.ts'

/** What anybody may read: the key set and the server's metadata (RFC 8414, OpenID Connect Discovery 1.0). */
export function publicRoutes(app: App, instance: Instance): void {
  const { config } = instance
  const cacheControl = `public, max-age=${Math.floor(config.jwksMaxAgeMs / 1_000)}`
  const metadata = metadataOf(config.issuer)

  async function jwks(request: FastifyRequest, reply: FastifyReply) {
    // Without a lease this set may hold a key that was revoked since: better no answer than that one.
    instance.requireLease()
    const { body, etag } = instance.keys().jwks
    reply.headers({ 'cache-control': cacheControl, etag, 'access-control-allow-origin': '*' })
    if (matches(request.headers['if-none-match'], etag)) return reply.code(304).send()
    return reply.type('application/json').send(body)
  }

  for (const path of ['/.well-known/jwks.json', '/api/oidc/jwks']) app.get(path, jwks)
  for (const prefix of ['', '/api/oidc']) {
    for (const name of ['openid-configuration', 'oauth-authorization-server']) {
      app.get(`${prefix}/.well-known/${name}`, async (_request, reply) =>
        reply.header('access-control-allow-origin', '*').send(metadata),
      )
    }
  }
}

function metadataOf(issuer: string) {
  return {
    issuer,
    token_endpoint: `${issuer}/api/v1/token`,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    grant_types_supported: ['client_credentials'],
    response_types_supported: [],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    scopes_supported: managementScopes,
  }
}

/** If-None-Match is a list of entity tags, weak ones among them, or `*` (RFC 9110 §13.1.2). */
function matches(header: string | undefined, etag: string): boolean {
  const tags = header?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? []
  return tags.includes(etag) || tags.includes('*')
}
