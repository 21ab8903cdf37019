import type { PresentedRequest } from '../binding/request.ts'
import type { VerifyError } from '../error.ts'

/** A refusal, for who writes its body. */
export interface RefusedRequest {
  readonly status: number
  /** `trust_unavailable` wherever the cause is not the token, whatever `error` says. */
  readonly code: string
  readonly message: string
  /** Also sent as `x-correlation-id`. */
  readonly correlationId: string
  readonly error: VerifyError
  readonly request: PresentedRequest
}

/**
 * How a refusal is written. `'precise'`: `{code, message}` with the code of the VerifyError. `'coarse'`: `{code, message,
 * correlation_id, details}`, where `code` is `token_missing`, `token_invalid`, `token_expired`,
 * `insufficient_permissions` or `trust_unavailable`. `'detail'`: `{detail}`, as FastAPI does. Or a function that returns
 * what is sent as JSON.
 */
export type ErrorBody = 'precise' | 'coarse' | 'detail' | ((refused: RefusedRequest) => unknown)

const COARSE = {
  token_missing: 'Not authenticated',
  token_expired: 'The token has expired',
  token_invalid: 'The token is not valid',
  insufficient_permissions: 'Insufficient permissions',
  trust_unavailable: 'Tokens cannot be checked at the moment',
} as const

function coarseCode(status: number, code: string): keyof typeof COARSE {
  if (status === 503) return 'trust_unavailable'
  if (status === 403) return 'insufficient_permissions'
  return code === 'token_missing' || code === 'token_expired' ? code : 'token_invalid'
}

/** What is said of the cause: all that is known, or only what the coarse codes tell. */
export function spoken(errorBody: ErrorBody, status: number, code: string, message: string) {
  if (errorBody !== 'coarse' && errorBody !== 'detail') return { code, message }
  const coarse = coarseCode(status, code)
  return { code: coarse, message: COARSE[coarse] }
}

/** The body of a refusal, before it is written as JSON. */
export function bodyOf(errorBody: ErrorBody, refused: RefusedRequest): unknown {
  const { code, message, correlationId } = refused
  if (typeof errorBody === 'function') return errorBody(refused)
  if (errorBody === 'detail') return { detail: message }
  return errorBody === 'coarse' ? { code, message, correlation_id: correlationId, details: {} } : { code, message }
}
