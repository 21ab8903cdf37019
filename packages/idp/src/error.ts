import { ServiceError } from '@rekey/service'

/** Refusals that reach the wire, beside those that every service has. */
export type IdpErrorCode =
  | 'ADMINISTRATION_FROZEN'
  | 'AGENT_DECOMMISSIONED'
  | 'ALGORITHM_UNSUPPORTED'
  | 'ALREADY_EXISTS'
  | 'API_NOT_CONFIGURED'
  | 'COLUMN_KEY_WRONG'
  | 'CREDENTIAL_CHANGED'
  | 'CREDENTIAL_REVOKED'
  | 'DENY_LIST_FULL'
  | 'EVIDENCE_KEY_MISSING'
  | 'IDEMPOTENCY_KEY_REUSED'
  | 'INSUFFICIENT_SCOPE'
  | 'INVALID_CLIENT_METADATA'
  | 'KEY_CANNOT_SIGN'
  | 'KEY_FROM_SOURCE'
  | 'LEGACY_CLOSED'
  | 'LEGACY_VALUES'
  | 'NOT_FROZEN'
  | 'OUTBOUND_FAILED'
  | 'OUTBOUND_REFUSED'
  | 'PLAN_INVALID'
  | 'PRECONDITION_FAILED'
  | 'RATE_LIMITED'
  | 'ROOT_KEY_NOT_REPLACED'
  | 'SELF_LOCK'
  | 'TOO_MANY_CREDENTIALS'
  | 'TOO_MANY_PROCESSES'
  | 'TOO_MANY_WEBHOOKS'
  | 'UNAUTHENTICATED'
  | 'UNKNOWN_ACCOUNT'
  | 'UNKNOWN_AGENT'
  | 'UNKNOWN_CLIENT'
  | 'UNKNOWN_CREDENTIAL'
  | 'UNKNOWN_DELIVERY'
  | 'UNKNOWN_ESCROW'
  | 'UNKNOWN_INCIDENT'
  | 'UNKNOWN_INITIAL_ACCESS_TOKEN'
  | 'UNKNOWN_KID'
  | 'UNKNOWN_VERIFIER'
  | 'UNKNOWN_WEBHOOK'
  | 'VAULT_REFUSED'
  | 'VAULT_UNAVAILABLE'
  | 'VERIFIERS_TOO_OLD'
  | 'WEBHOOK_CHANGED'

/** The error class of this package. `facts` are shown to the caller as `details`: nothing internal goes there. */
export class IdpError extends ServiceError<IdpErrorCode> {
  override readonly name = 'IdpError'
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
