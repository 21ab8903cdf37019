/**
 * Refusals that reach the wire. `INTERNAL` is what anything unforeseen becomes there: its detail stays in the log.
 */
export type IdpErrorCode =
  | 'ADMINISTRATION_FROZEN'
  | 'AGENT_DECOMMISSIONED'
  | 'ALGORITHM_UNSUPPORTED'
  | 'ALREADY_EXISTS'
  | 'API_NOT_CONFIGURED'
  | 'CONFIG_INVALID'
  | 'CREDENTIAL_CHANGED'
  | 'CREDENTIAL_REVOKED'
  | 'DENY_LIST_FULL'
  | 'EVENT_NOT_CHAINED'
  | 'EVIDENCE_KEY_MISSING'
  | 'FORBIDDEN'
  | 'IDEMPOTENCY_KEY_REUSED'
  | 'INSUFFICIENT_SCOPE'
  | 'INTERNAL'
  | 'INVALID_CLIENT_METADATA'
  | 'INVALID_JSON'
  | 'INVALID_REQUEST'
  | 'JOURNAL_FAILED'
  | 'KEY_CANNOT_SIGN'
  | 'METHOD_NOT_ALLOWED'
  | 'NOT_FOUND'
  | 'NOT_FROZEN'
  | 'NO_LEASE'
  | 'OUTBOUND_FAILED'
  | 'OUTBOUND_REFUSED'
  | 'OVERLOADED'
  | 'PAYLOAD_TOO_LARGE'
  | 'PLAN_INVALID'
  | 'PRECONDITION_FAILED'
  | 'RATE_LIMITED'
  | 'ROOT_KEY_NOT_REPLACED'
  | 'SELF_LOCK'
  | 'TOO_MANY_CREDENTIALS'
  | 'TOO_MANY_PREPARED'
  | 'TOO_MANY_PROCESSES'
  | 'UNAUTHENTICATED'
  | 'UNKNOWN_ACCOUNT'
  | 'UNKNOWN_AGENT'
  | 'UNKNOWN_CLIENT'
  | 'UNKNOWN_CREDENTIAL'
  | 'UNKNOWN_EVENT'
  | 'UNKNOWN_INCIDENT'
  | 'UNKNOWN_INITIAL_ACCESS_TOKEN'
  | 'UNKNOWN_KID'
  | 'UNKNOWN_VERIFIER'
  | 'UNSUPPORTED_MEDIA_TYPE'
  | 'VAULT_REFUSED'
  | 'VAULT_UNAVAILABLE'
  | 'VERIFIERS_TOO_OLD'

/** The error class of this package. `facts` are shown to the caller as `details`: nothing internal goes there. */
export class IdpError extends Error {
  override readonly name = 'IdpError'
  readonly code: IdpErrorCode
  readonly facts: Readonly<Record<string, unknown>> | undefined

  constructor(code: IdpErrorCode, message: string, options: ErrorOptions & { facts?: Record<string, unknown> } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.facts = options.facts
  }
}

/**
 * The codes of RFC 6749 §5.2, of RFC 6750 §3.1 and of RFC 7591 §3.2.2, as the endpoints of OAuth answer them;
 * `temporarily_unavailable` (RFC 6749 §4.1.2.1) where this instance may not sign at the moment.
 */
export type OAuthErrorCode =
  | 'invalid_client'
  | 'invalid_client_metadata'
  | 'invalid_grant'
  | 'invalid_redirect_uri'
  | 'invalid_request'
  | 'invalid_scope'
  | 'invalid_token'
  | 'temporarily_unavailable'
  | 'unauthorized_client'
  | 'unsupported_grant_type'

export class OAuthError extends Error {
  override readonly name = 'OAuthError'
  readonly code: OAuthErrorCode

  constructor(code: OAuthErrorCode, description: string) {
    super(description)
    this.code = code
  }
}
