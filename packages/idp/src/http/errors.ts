/** The one place where errors become HTTP: what the caller sees here, what the log sees in server.ts. */
import { BreakGlassError, type BreakGlassErrorCode } from '@rekey/breakglass'
import { asDatabaseError, DatabaseError } from '@rekey/database'
import { KeyringError, type KeyringErrorCode } from '@rekey/keyring'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { IdpError, type IdpErrorCode, OAuthError, type OAuthErrorCode } from '../error.ts'
import { pageHeaders } from '../oidc/pages/page.ts'
import { refusalPage } from '../oidc/pages/refusal.ts'
import { Unavailable } from '../oidc/unavailable.ts'

/** An error as the caller sees it, and the log. */
export interface Refusal {
  status: number
  code: string
  message: string
  details?: unknown
  headers?: Record<string, string>
  /** For the log: what lies behind the code. Nothing that a row holds. */
  cause?: object
}

const idpStatus: Readonly<Record<IdpErrorCode, number>> = {
  ADMINISTRATION_FROZEN: 423,
  AGENT_DECOMMISSIONED: 409,
  ALGORITHM_UNSUPPORTED: 409,
  ALREADY_EXISTS: 409,
  API_NOT_CONFIGURED: 409,
  CONFIG_INVALID: 500,
  CREDENTIAL_CHANGED: 409,
  CREDENTIAL_REVOKED: 409,
  DENY_LIST_FULL: 409,
  EVENT_NOT_CHAINED: 409,
  EVIDENCE_KEY_MISSING: 409,
  FORBIDDEN: 403,
  IDEMPOTENCY_KEY_REUSED: 422,
  INSUFFICIENT_SCOPE: 403,
  INTERNAL: 500,
  INVALID_CLIENT_METADATA: 400,
  INVALID_JSON: 400,
  INVALID_REQUEST: 400,
  JOURNAL_FAILED: 500,
  KEY_CANNOT_SIGN: 409,
  METHOD_NOT_ALLOWED: 405,
  NOT_FOUND: 404,
  NOT_FROZEN: 409,
  NO_LEASE: 503,
  OUTBOUND_FAILED: 502,
  OUTBOUND_REFUSED: 400,
  OVERLOADED: 503,
  PAYLOAD_TOO_LARGE: 413,
  PLAN_INVALID: 400,
  PRECONDITION_FAILED: 412,
  RATE_LIMITED: 429,
  ROOT_KEY_NOT_REPLACED: 409,
  SELF_LOCK: 409,
  TOO_MANY_CREDENTIALS: 409,
  TOO_MANY_PREPARED: 409,
  TOO_MANY_PROCESSES: 429,
  UNAUTHENTICATED: 401,
  UNKNOWN_ACCOUNT: 404,
  UNKNOWN_AGENT: 404,
  UNKNOWN_CLIENT: 404,
  UNKNOWN_CREDENTIAL: 404,
  UNKNOWN_EVENT: 404,
  UNKNOWN_INCIDENT: 404,
  UNKNOWN_INITIAL_ACCESS_TOKEN: 404,
  UNKNOWN_KID: 404,
  UNKNOWN_VERIFIER: 404,
  UNSUPPORTED_MEDIA_TYPE: 415,
  VAULT_REFUSED: 500,
  VAULT_UNAVAILABLE: 503,
  VERIFIERS_TOO_OLD: 409,
}

const keyringStatus: Readonly<Partial<Record<KeyringErrorCode, number>>> = {
  ILLEGAL_TRANSITION: 409,
  NO_SUCCESSOR: 409,
  NOTHING_TO_ROLL_BACK: 409,
  ROTATION_UNDER_WAY: 409,
  UNKNOWN_KEYRING: 404,
  UNKNOWN_VERSION: 404,
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
export type RefusalCode =
  | IdpErrorCode
  | KeyringErrorCode
  | BreakGlassErrorCode
  | OAuthErrorCode
  | 'DATABASE_UNAVAILABLE'

const databaseStatus = { DATABASE_UNAVAILABLE: 503 }
const statuses: Readonly<Partial<Record<RefusalCode, number>>> = {
  ...breakGlassStatus,
  ...idpStatus,
  ...keyringStatus,
  ...oauthStatus,
  ...databaseStatus,
}

/** How a code is told by an endpoint: its status, and what it is called there. */
export function wireOf(url: string, code: RefusalCode): { status: number; name: string } {
  const status = statuses[code] ?? 500
  return { status, name: isOAuthEndpoint(url) ? oauthCode({ status, code }) : code }
}

/** What Fastify itself refuses, by its codes. */
const fastifyCodes: Readonly<Record<string, [IdpErrorCode, string]>> = {
  FST_ERR_BAD_URL: ['INVALID_REQUEST', 'the path is malformed'],
  FST_ERR_MAX_PARAM_LENGTH: ['INVALID_REQUEST', 'a part of the path is too long'],
  FST_ERR_CTP_BODY_TOO_LARGE: ['PAYLOAD_TOO_LARGE', 'the body is too large'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['INVALID_JSON', 'the body is empty, and JSON was announced'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['INVALID_JSON', 'the body is not JSON'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['UNSUPPORTED_MEDIA_TYPE', 'this content type is not understood here'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['INVALID_REQUEST', 'the body is not as long as Content-Length says'],
  FST_ERR_CTP_INVALID_TYPE: ['UNSUPPORTED_MEDIA_TYPE', 'this content type is not understood here'],
}

const retryAfter = { 'retry-after': '1' }

export function refusalOf(error: unknown): Refusal {
  if (error instanceof OAuthError) return oauthRefusal(error)
  if (error instanceof KeyringError) return keyringRefusal(error)
  if (error instanceof BreakGlassError) return breakGlassRefusal(error)
  if (hasZodFastifySchemaValidationErrors(error)) return invalid(error)
  if (error instanceof IdpError) return idpRefusal(error)
  if (error instanceof Unavailable) return refusalOf(error.cause)
  const known = fastifyCodes[(error as { code?: string } | null)?.code ?? '']
  if (known) return idpRefusal(new IdpError(...known))
  const translated = asDatabaseError(error)
  if (translated instanceof DatabaseError) {
    const message = 'the database cannot serve this at the moment; try again'
    const cause = { code: translated.code, ...translated.facts }
    return { status: 503, code: 'DATABASE_UNAVAILABLE', message, headers: retryAfter, cause }
  }
  return unforeseen
}

const unforeseen: Refusal = {
  status: 500,
  code: 'INTERNAL',
  message: 'an unforeseen error; the log tells more under the correlation id',
}

function idpRefusal(error: IdpError): Refusal {
  const refusal: Refusal = {
    status: idpStatus[error.code],
    code: error.code,
    message: error.message,
    details: error.facts,
  }
  if (refusal.status === 503) refusal.headers = retryAfter
  const seconds = error.facts?.retryAfterSeconds
  if (seconds !== undefined) refusal.headers = { 'retry-after': String(seconds) }
  return refusal
}

function keyringRefusal(error: KeyringError): Refusal {
  return { status: keyringStatus[error.code] ?? 500, code: error.code, message: error.message }
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

function invalid(error: { validation: { instancePath: string; message?: string }[] }): Refusal {
  const details = error.validation.map(({ instancePath, message }) => ({ path: instancePath, message }))
  return { status: 400, code: 'INVALID_REQUEST', message: 'the request does not fit what is expected here', details }
}

/** Writes a refusal in the form of the endpoint: a page for users, RFC 6749 §5.2 at those of OAuth, ours everywhere else. */
export function sendRefusal(url: string, reply: FastifyReply, refusal: Refusal, correlationId: string): FastifyReply {
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
