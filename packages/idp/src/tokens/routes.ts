import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ClientCredential } from '../agents/credentials.ts'
import { OAuthError } from '../error.ts'
import type { App } from '../http/app.ts'
import type { Instance } from '../instance.ts'
import { accessTokenSigner } from './access-token.ts'
import { authenticateClient, type PresentedCredential, presentedCredential } from './client-authentication.ts'
import { issueOpaqueToken } from './opaque.ts'
import { type Grant, grantScopes } from './scopes.ts'
import { whenReady } from './when-ready.ts'

const maxFormBytes = 16_384

/** What a client asks for, read and not yet judged. */
interface TokenRequest {
  presented: PresentedCredential
  grantType: string
  scope: string | undefined
  /** Milliseconds since the epoch, read before anything else: what is signed later must not count from later. */
  issuedAt: number
}

/** The token endpoint: client_credentials of agents. The common path writes nothing and waits for nothing. */
export function tokenRoutes(app: App, instance: Instance): void {
  const { config, clock, credentials, metrics, connection } = instance
  const ttlMs = config.accessTokenTtlMs
  const signAccessToken = accessTokenSigner({ issuer: config.issuer, audience: config.audience, ttlMs })
  const ending = { token_type: 'Bearer', expires_in: Math.floor(ttlMs / 1_000) }
  const issued = { jwt: metrics.tokens.labels('jwt'), opaque: metrics.tokens.labels('opaque') }

  app.post('/api/v1/token', { bodyLimit: maxFormBytes }, (request, reply) => {
    const asked = read(request, clock())
    requireLease()
    return whenReady(credentials.get(asked.presented.clientId), (credential) => answer(asked, credential, reply))
  })

  function answer(asked: TokenRequest, credential: ClientCredential | undefined, reply: FastifyReply) {
    // Once more: reading the credential may have taken longer than the lease, and without one it may be stale.
    requireLease()
    const client = authenticateClient(asked.presented, credential, asked.issuedAt)
    if (asked.grantType !== 'client_credentials') {
      throw new OAuthError('unsupported_grant_type', 'this endpoint grants client_credentials')
    }
    const grant = grantScopes(asked.scope, client.scopes)
    const { scope } = grant
    const token = grant.management ? opaque(client, scope) : jwt(client, grant, asked.issuedAt)
    return whenReady(token, (access_token) => {
      issued[grant.management ? 'opaque' : 'jwt'].inc()
      send(reply, { access_token, ...ending, scope: scope || undefined })
    })
  }

  function requireLease(): void {
    if (!instance.view.held()) throw new OAuthError('temporarily_unavailable', 'this instance has no lease; try again')
  }

  function opaque(client: ClientCredential, scope: string): Promise<string> {
    return issueOpaqueToken(connection.db, client, scope, ttlMs)
  }

  function jwt(client: ClientCredential, grant: Grant, issuedAt: number): string | Promise<string> {
    return signAccessToken(instance.keys(), instance.issuance().keyring, client, grant, issuedAt)
  }
}

/** @throws OAuthError `invalid_request`, `invalid_client` */
function read(request: FastifyRequest, issuedAt: number): TokenRequest {
  const form = formOf(request)
  if (form.grant_type === undefined) throw new OAuthError('invalid_request', 'grant_type is missing')
  const presented = presentedCredential(request.headers.authorization, form)
  return { presented, grantType: form.grant_type, scope: form.scope, issuedAt }
}

/** RFC 6749 §5.1: token replies are not to be cached. */
function send(reply: FastifyReply, body: Record<string, unknown>): void {
  reply
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
  for (const name in form) {
    if (typeof (form as Record<string, unknown>)[name] !== 'string') {
      throw new OAuthError('invalid_request', 'a parameter is given more than once')
    }
  }
  return form as Record<string, string | undefined>
}
