/** What became of a request to the identity provider that did not go well, whatever the library calls it. */
import {
  AuthorizationResponseError,
  ClientError,
  ResponseBodyError,
  WWWAuthenticateChallengeError,
} from 'openid-client'

/**
 * `client`: it does not accept how this client authenticates. `grant`: the code or the refresh token is good no more. `refused`: what came
 * back is not what was asked for, or the user or the provider said no. `unanswered`: nobody can tell whether the request was carried out.
 * `unavailable`: it could not be carried out, for no reason that whoever logs in could change.
 */
export type Failure = 'client' | 'grant' | 'refused' | 'unanswered' | 'unavailable'

/** Codes of the library for replies that say something else than they should. */
const contradictions = new Set([
  'OAUTH_INVALID_RESPONSE',
  'OAUTH_JWT_CLAIM_COMPARISON_FAILED',
  'OAUTH_JWT_TIMESTAMP_CHECK_FAILED',
  'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED',
  'OAUTH_UNSUPPORTED_OPERATION',
])

export function failureOf(error: unknown): Failure {
  if (error instanceof ResponseBodyError) return ofBody(error)
  if (error instanceof WWWAuthenticateChallengeError) {
    return error.status === 401 && !isForbidden(error) ? 'client' : 'unavailable'
  }
  if (error instanceof AuthorizationResponseError) return isPassing(error.error) ? 'unavailable' : 'refused'
  if (error instanceof ClientError) return ofClient(error)
  return 'unanswered'
}

/** It knows this client, and does not let it do this (RFC 6750 §3.1, RFC 6749 §5.2): asking again changes nothing. */
export function isForbidden(error: unknown): boolean {
  if (error instanceof ResponseBodyError) return error.status === 403 || forbidding.has(error.error)
  if (error instanceof WWWAuthenticateChallengeError) {
    return error.status === 403 || error.cause.some(({ parameters }) => forbidding.has(parameters.error ?? ''))
  }
  return error instanceof ClientError && error.cause instanceof Response && error.cause.status === 403
}

const forbidding: ReadonlySet<string> = new Set(['insufficient_scope', 'unauthorized_client'])

/** RFC 6749 §5.2: `invalid_client` comes with 401, and with 400 where the client did not authenticate by a header. */
function ofBody({ error, status }: ResponseBodyError): Failure {
  if (error === 'invalid_client') return 'client'
  if (error === 'invalid_grant') return 'grant'
  return status >= 500 ? 'unanswered' : 'unavailable'
}

/** RFC 6749 §4.1.2.1: these say nothing about the user. */
const isPassing = (error: string): boolean => error === 'server_error' || error === 'temporarily_unavailable'

function ofClient(error: ClientError): Failure {
  if (error.code !== undefined && contradictions.has(error.code)) return 'refused'
  const { cause } = error
  if (!(cause instanceof Response)) return 'unanswered'
  if (cause.status === 401) return 'client'
  return cause.status >= 500 ? 'unanswered' : 'unavailable'
}
