/** Refusals that reach the wire. `INTERNAL` is what anything unforeseen becomes there: its detail stays in the log. */
export type BffErrorCode =
  | 'CONFIG_INVALID'
  | 'CSRF_REFUSED'
  | 'FORBIDDEN'
  | 'GIVEN_ELSEWHERE'
  | 'IDP_UNAVAILABLE'
  | 'INTERNAL'
  | 'INVALID_REQUEST'
  | 'LINK_REFUSED'
  | 'LOGIN_REFUSED'
  | 'NOT_AUTHENTICATED'
  | 'PDP_UNAVAILABLE'
  | 'REFRESH_REFUSED'
  | 'UPSTREAM_REFUSED'
  | 'UPSTREAM_UNAVAILABLE'

/** The error class of this package. `facts` are shown to the caller as `details`: nothing internal goes there. */
export class BffError extends Error {
  override readonly name = 'BffError'
  readonly code: BffErrorCode
  readonly facts: Readonly<Record<string, unknown>> | undefined

  constructor(code: BffErrorCode, message: string, options: ErrorOptions & { facts?: Record<string, unknown> } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.facts = options.facts
  }
}
