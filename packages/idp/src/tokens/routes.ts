import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ClientCredential } from '../agents/credentials.ts'
import { OAuthError } from '../error.ts'
import type { App } from '../http/app.ts'
import type { Instance } from '../instance.ts'
import { signAccessToken } from './access-token.ts'
import { authenticateClient, presentedCredential } from './client-authentication.ts'
import { issueOpaqueToken } from './opaque.ts'
import { type Grant, grantScopes } from './scopes.ts'

const maxFormBytes = 16_384

/** The token endpoint: client_credentials of agents. The common path awaits nothing and writes nothing. */
export function tokenRoutes(app: App, instance: Instance): void {
  const { config, clock, credentials, metrics } = instance
  const expiresIn = Math.floor(config.accessTokenTtlMs / 1_000)

  app.post('/api/v1/token', { bodyLimit: maxFormBytes }, async (request, reply) => {
    const issuedAt = clock()
    const form = formOf(request)
    if (form.grant_type === undefined) throw new OAuthError('invalid_request', 'grant_type is missing')
    const presented = presentedCredential(request.headers.authorization, form)
    if (!instance.view.held()) throw new OAuthError('temporarily_unavailable', 'this instance has no lease; try again')
    const client = await authenticateClient(presented, credentials, clock)
    if (form.grant_type !== 'client_credentials') {
      throw new OAuthError('unsupported_grant_type', 'this endpoint grants client_credentials')
    }
    const grant = grantScopes(form.scope, client.scopes)
    const scope = grant.scopes.join(' ')
    const token = await issue(grant, client, scope, issuedAt)
    metrics.tokens.inc(grant.management ? opaqueLabel : jwtLabel)
    return send(reply, { access_token: token, token_type: 'Bearer', expires_in: expiresIn, scope: scope || undefined })
  })

  async function issue(grant: Grant, client: ClientCredential, scope: string, issuedAt: number): Promise<string> {
    if (grant.management) return issueOpaqueToken(instance.connection.db, client, scope, config.accessTokenTtlMs)
    return signAccessToken(instance.keys(), config.issueWith, {
      issuer: config.issuer,
      audience: config.audience,
      client,
      scope,
      issuedAt,
      ttlMs: config.accessTokenTtlMs,
    })
  }
}

const jwtLabel = { form: 'jwt' }
const opaqueLabel = { form: 'opaque' }

/** RFC 6749 §5.1: token replies are not to be cached. */
function send(reply: FastifyReply, body: Record<string, unknown>): FastifyReply {
  return reply
    .header('cache-control', 'no-store')
    .header('content-type', 'application/json; charset=utf-8')
    .send(JSON.stringify(body))
}

/** @throws OAuthError `invalid_request` when it is no form, or a parameter is given twice (RFC 6749 §3.2) */
function formOf(request: FastifyRequest): Record<string, string | undefined> {
  const form = request.body
  if (!form || !request.headers['content-type']?.startsWith('application/x-www-form-urlencoded')) {
    throw new OAuthError('invalid_request', 'the body must be application/x-www-form-urlencoded')
  }
  for (const value of Object.values(form)) {
    if (typeof value !== 'string') throw new OAuthError('invalid_request', 'a parameter is given more than once')
  }
  return form as Record<string, string | undefined>
}
