import { setTimeout as delay } from 'node:timers/promises'
import type { App } from '@rekey/service'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Client } from '../credentials/client.ts'
import { OAuthError } from '../error.ts'
import type { Instance } from '../instance.ts'
import type { Oidc } from '../oidc/open.ts'
import { codes } from '../openapi/errors.ts'
import { accessTokenSigner } from './access-token.ts'
import {
  type Attempt,
  type Authenticated,
  admitStill,
  attemptOf,
  authenticate,
  setCaller,
} from './authentication/authenticate.ts'
import { formOf, formRoute } from './form.ts'
import { introspectionRoute } from './introspection/routes.ts'
import { issueOpaqueToken } from './opaque.ts'
import { revocationRoute } from './revocation/routes.ts'
import { type Grant, grantScopes } from './scopes.ts'
import { sendJson } from './send.ts'
import { ownScopes } from './user-scopes.ts'
import { whenReady } from './when-ready.ts'

/** What a client asks for, read and not yet judged. */
interface TokenRequest {
  attempt: Attempt
  grantType: string
  scope: string | undefined
  /** Until when it may be made to wait, in milliseconds since the epoch. */
  waitsUntil: number
}

/** What a moment is rounded up by, and as much again for clocks that differ, or for another moment. */
const mostWaitMs = 2_000

const body = z.object({
  grant_type: z.literal('client_credentials'),
  scope: z.string().optional().describe('Scopes divided by spaces; without it, all that do not administer'),
})
const callers = [{ client: [] }]
export const tokenReply = z.object({
  access_token: z.string().describe('A JWT (RFC 9068), or an opaque token when it administers'),
  token_type: z.literal('Bearer'),
  expires_in: z.number().describe('Seconds'),
  scope: z.string().optional().describe('Absent when there is none'),
})
const schema = {
  tags: ['tokens'],
  summary: 'Issue an access token',
  description:
    'RFC 6749 §4.4. Who asks for management scopes by name, or for all by `management`, gets an opaque token.',
  response: {
    200: tokenReply,
  },
  refuses: codes('invalid_scope', 'unauthorized_client', 'unsupported_grant_type'),
}

/** The endpoints of OAuth for clients as such: tokens are issued, asked about and revoked. */
export function tokenRoutes(app: App, instance: Instance, oidc: Oidc): void {
  app.post('/api/v1/token', formRoute(schema, body, callers), clientCredentials(instance))
  introspectionRoute(app, instance, oidc)
  revocationRoute(app, instance, oidc)
}

/** Answers client_credentials of agents and registered clients. The common path writes nothing and waits for nothing. */
export function clientCredentials(instance: Instance) {
  const { config, clock, metrics, connection } = instance
  const ttlMs = config.accessTokenTtlMs
  const signAccessToken = accessTokenSigner({ issuer: config.issuer, audience: config.audience, ttlMs })
  const ending = { token_type: 'Bearer', expires_in: Math.floor(ttlMs / 1_000) }
  const issued = { jwt: metrics.tokens.labels('jwt'), opaque: metrics.tokens.labels('opaque') }

  return (request: FastifyRequest, reply: FastifyReply): void | Promise<void> => {
    const asked = read(instance, request, clock())
    instance.requireLease()
    return whenReady(authenticate(instance, asked.attempt), (authenticated) =>
      answer(asked, authenticated, request, reply),
    )
  }

  function answer(asked: TokenRequest, authenticated: Authenticated, request: FastifyRequest, reply: FastifyReply) {
    const { attempt, grantType, scope: names } = asked
    // Once more: reading the client may have taken longer than the lease, and without one it may be stale.
    instance.requireLease()
    const { client } = authenticated
    if (grantType !== 'client_credentials') {
      throw new OAuthError('unsupported_grant_type', 'this endpoint grants client_credentials')
    }
    requireRegistered(client, request)
    const grant = granted(names, client, request)
    const waitMs = untilIssuable(asked, client)
    if (waitMs !== undefined) return answerIn(waitMs, asked, authenticated, request, reply)
    const { scope, management } = grant
    const token = management
      ? issueOpaqueToken(connection.db, authenticated, scope, ttlMs)
      : signAccessToken(instance.keys(), instance.issuance().keyring, client, grant, attempt.now)
    return whenReady(token, (access_token) => {
      issued[management ? 'opaque' : 'jwt'].inc()
      sendJson(reply, { access_token, ...ending, scope: scope || undefined })
    })
  }

  /**
   * Where all that was issued before a moment is denied, verifiers round that moment up, and `iat` is in whole seconds: a token
   * of the rest of that second would be refused for its whole life.
   *
   * @returns in how many milliseconds that second is over; `undefined` when there is nothing to wait for, or too long
   */
  function untilIssuable({ attempt, waitsUntil }: TokenRequest, { clientId }: Client): number | undefined {
    const iat = Math.floor(attempt.now / 1_000)
    const from = instance.issuableFrom(config.issuer, clientId, iat)
    return from === iat || from * 1_000 > waitsUntil ? undefined : Math.max(0, from * 1_000 - clock())
  }

  async function answerIn(
    waitMs: number,
    asked: TokenRequest,
    authenticated: Authenticated,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    await delay(waitMs)
    const attempt = { ...asked.attempt, now: clock() }
    instance.requireLease()
    return answer({ ...asked, attempt }, await admitStill(instance, attempt, authenticated), request, reply)
  }
}

/**
 * @param now read before anything else: what is signed later must not count from later
 * @throws OAuthError `invalid_request`, `invalid_client`
 */
function read(instance: Instance, request: FastifyRequest, now: number): TokenRequest {
  const form = formOf(request)
  if (form.grant_type === undefined) throw new OAuthError('invalid_request', 'grant_type is missing')
  const attempt = attemptOf(instance, request, form, now)
  return { attempt, grantType: form.grant_type, scope: form.scope, waitsUntil: now + mostWaitMs }
}

/** @throws OAuthError `unauthorized_client` when a client registered, and not for this grant (RFC 7591 §2) */
function requireRegistered(client: Client, request: FastifyRequest): void {
  if (client.registration?.metadata.grant_types?.includes('client_credentials') ?? true) return
  setCaller(request, client)
  throw new OAuthError('unauthorized_client', 'this client did not register for client_credentials')
}

/** @throws OAuthError `invalid_scope` */
function granted(names: string | undefined, client: Client, request: FastifyRequest): Grant {
  try {
    return grantScopes(names, client.registration ? ownScopes(client.scopes) : client.scopes)
  } catch (error) {
    setCaller(request, client)
    throw error
  }
}
