import { ServiceError } from '@rekey/service'

/** Refusals that only the BFF has. */
export type BffErrorCode =
  | 'CSRF_REFUSED'
  | 'GIVEN_ELSEWHERE'
  | 'IDP_UNAVAILABLE'
  | 'INSUFFICIENT_SCOPE'
  | 'LINK_REFUSED'
  | 'LOGIN_REFUSED'
  | 'NOT_AUTHENTICATED'
  | 'PDP_UNAVAILABLE'
  | 'RATE_LIMITED'
  | 'REFRESH_REFUSED'
  | 'UPSTREAM_REFUSED'
  | 'UPSTREAM_TIMEOUT'
  | 'UPSTREAM_UNAVAILABLE'

/** The error class of this package. `facts` are shown to the caller as `details`: nothing internal goes there. */
export class BffError extends ServiceError<BffErrorCode> {
  override readonly name = 'BffError'
}
