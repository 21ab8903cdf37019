/** Where the errors of the identity provider become HTTP, beside those that every service has. */
import { BreakGlassError, type BreakGlassErrorCode } from '@rekey/breakglass'
import {
  type CommonRefusalCode,
  refusalOf as commonRefusalOf,
  commonStatuses,
  type Refusal,
  retryAfter,
  unforeseen,
} from '@rekey/service'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type IdpErrorCode, OAuthError, type OAuthErrorCode } from '../error.ts'
import { pageHeaders } from '../oidc/pages/page.ts'
import { refusalPage } from '../oidc/pages/refusal.ts'
import { Unavailable } from '../oidc/unavailable.ts'

const idpStatus: Readonly<Record<IdpErrorCode, number>> = {
  ADMINISTRATION_FROZEN: 423,
  AGENT_DECOMMISSIONED: 409,
  ALGORITHM_UNSUPPORTED: 409,
  ALREADY_EXISTS: 409,
  API_NOT_CONFIGURED: 409,
  COLUMN_KEY_WRONG: 500,
  CREDENTIAL_CHANGED: 409,
  CREDENTIAL_REVOKED: 409,
  DENY_LIST_FULL: 409,
  EVIDENCE_KEY_MISSING: 409,
  IDEMPOTENCY_KEY_REUSED: 422,
  INSUFFICIENT_SCOPE: 403,
  INVALID_CLIENT_METADATA: 400,
  KEY_CANNOT_SIGN: 409,
  KEY_FROM_SOURCE: 409,
  LEGACY_CLOSED: 409,
  LEGACY_VALUES: 409,
  NOT_FROZEN: 409,
  OUTBOUND_FAILED: 502,
  OUTBOUND_REFUSED: 400,
  PLAN_INVALID: 400,
  PRECONDITION_FAILED: 412,
  RATE_LIMITED: 429,
  ROOT_KEY_NOT_REPLACED: 409,
  SELF_LOCK: 409,
  TOO_MANY_CREDENTIALS: 409,
  TOO_MANY_PROCESSES: 429,
  TOO_MANY_WEBHOOKS: 409,
  UNAUTHENTICATED: 401,
  UNKNOWN_ACCOUNT: 404,
  UNKNOWN_AGENT: 404,
  UNKNOWN_CLIENT: 404,
  UNKNOWN_CREDENTIAL: 404,
  UNKNOWN_DELIVERY: 404,
  UNKNOWN_ESCROW: 404,
  UNKNOWN_INCIDENT: 404,
  UNKNOWN_INITIAL_ACCESS_TOKEN: 404,
  UNKNOWN_KID: 404,
  UNKNOWN_VERIFIER: 404,
  UNKNOWN_WEBHOOK: 404,
  VAULT_REFUSED: 500,
  VAULT_UNAVAILABLE: 503,
  VERIFIERS_TOO_OLD: 409,
  WEBHOOK_CHANGED: 409,
}

/** Those that are the caller's to mend. Whatever else it may be (a key file that cannot be read) is the operator's. */
const breakGlassStatus: Readonly<Partial<Record<BreakGlassErrorCode, number>>> = {
  FALSE_REMEDY: 422,
  INCIDENT_CLAIMED: 409,
  INCIDENT_DIFFERS: 409,
}

const oauthStatus: Readonly<Record<OAuthErrorCode, number>> = {
  invalid_client: 401,
  invalid_client_metadata: 400,
  invalid_grant: 400,
  invalid_redirect_uri: 400,
  invalid_request: 400,
  invalid_scope: 400,
  invalid_token: 401,
  temporarily_unavailable: 503,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
}

/** Every code by which a request may be refused. */
export type RefusalCode = CommonRefusalCode | IdpErrorCode | BreakGlassErrorCode | OAuthErrorCode

const statuses: Readonly<Record<string, number>> = {
  ...breakGlassStatus,
  ...commonStatuses,
  ...idpStatus,
  ...oauthStatus,
}

/** How a code is told by an endpoint: its status, and what it is called there. */
export function wireOf(url: string, code: string): { status: number; name: string } {
  const status = statuses[code] ?? 500
  return { status, name: isOAuthEndpoint(url) ? oauthCode({ status, code }) : code }
}

/** What an error is to the caller. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof OAuthError) return oauthRefusal(error)
  if (error instanceof BreakGlassError) return breakGlassRefusal(error)
  if (error instanceof Unavailable) return refusalOf(error.cause)
  return commonRefusalOf(error, idpStatus)
}

function breakGlassRefusal({ code, message, facts: details }: BreakGlassError): Refusal {
  const status = breakGlassStatus[code]
  return status === undefined ? unforeseen : { status, code, message, details }
}

function oauthRefusal(error: OAuthError): Refusal {
  const refusal: Refusal = { status: oauthStatus[error.code], code: error.code, message: error.message }
  if (error.code === 'invalid_token') {
    refusal.headers = { 'www-authenticate': 'Bearer realm="rekey", error="invalid_token"' }
  }
  if (error.code === 'temporarily_unavailable') refusal.headers = retryAfter
  return refusal
}

/** Writes a refusal in the form of the endpoint: a page for users, RFC 6749 §5.2 at those of OAuth, ours everywhere else. */
export function sendRefusal(reply: FastifyReply, refusal: Refusal, correlationId: string): FastifyReply {
  const { url } = reply.request
  const { status, headers = {}, code, message, details } = refusal
  reply.code(status).headers({ ...challengeOf(url, reply.request.headers.authorization, refusal), ...headers })
  // Whoever is refused by a freeze must find the incident without knowing what details belong to which code.
  const { incident } = code === 'ADMINISTRATION_FROZEN' ? (details as { incident: string }) : {}
  if (isPage(reply.request)) return reply.headers(pageHeaders).send(refusalPage(refusal, correlationId))
  if (!isOAuthEndpoint(url)) {
    return reply.send({ code, incident, message, details, correlation_id: correlationId })
  }
  return reply
    .header('cache-control', 'no-store')
    .send({ error: oauthCode(refusal), error_description: message, incident })
}

const basic = 'Basic realm="rekey"'

/**
 * RFC 6750 §3: whoever sent no token learns how to authenticate, and no error. Verifiers do so by Basic alone. RFC 6749 §5.2:
 * a client that does not authenticate by a header is not asked to; clients of OpenID Connect take that for an error of its own.
 */
function challengeOf(url: string, authorization = '', { code, details }: Refusal): Record<string, string> {
  const isByToken = /^Bearer /i.test(authorization)
  const challenge = (text: string) => ({ 'www-authenticate': text })
  const { scope } = (details ?? {}) as { scope?: unknown }
  if (code === 'INSUFFICIENT_SCOPE' && isByToken && typeof scope === 'string') {
    return challenge(`Bearer realm="rekey", error="insufficient_scope", scope="${scope}"`)
  }
  if (code === 'invalid_client') return url.startsWith('/api/oidc/') && authorization === '' ? {} : challenge(basic)
  if (code !== 'UNAUTHENTICATED') return {}
  if (url.startsWith('/trust/')) return challenge(basic)
  return challenge(isByToken ? 'Bearer realm="rekey", error="invalid_token"' : 'Bearer realm="rekey"')
}

/** Of RFC 6749 §5.2 and RFC 6750 §3.1, for refusals that the endpoints of OAuth have in common with others; or ours, in their form. */
const oauthNames: Readonly<Record<string, string>> = {
  ADMINISTRATION_FROZEN: 'administration_frozen',
  FORBIDDEN: 'unauthorized_client',
  INSUFFICIENT_SCOPE: 'insufficient_scope',
  INVALID_CLIENT_METADATA: 'invalid_client_metadata',
  PRECONDITION_FAILED: 'precondition_failed',
  RATE_LIMITED: 'rate_limited',
  UNAUTHENTICATED: 'invalid_token',
  UNKNOWN_CLIENT: 'not_found',
}

function oauthCode(refusal: Pick<Refusal, 'status' | 'code'>): string {
  if (refusal.code in oauthStatus) return refusal.code
  const name = oauthNames[refusal.code]
  if (name) return name
  if (refusal.status === 503) return 'temporarily_unavailable'
  return refusal.status >= 500 ? 'server_error' : 'invalid_request'
}

/** Is it a user's browser that goes there, and no program? */
function isPage({ url, headers }: Pick<FastifyRequest, 'url' | 'headers'>): boolean {
  if (!/^\/api\/oidc\/(auth|interaction|session)\b/.test(url)) return false
  return headers.accept?.includes('text/html') ?? false
}

export function isOAuthEndpoint(url: string): boolean {
  return /^\/api\/(v1\/token(\/introspect|\/revoke)?(\?|$)|oidc\/)/.test(url)
}
