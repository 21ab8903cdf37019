/**
 * Refusals that every service has. `INTERNAL` is what anything unforeseen becomes on the wire: its detail stays in the log.
 */
export type ServiceErrorCode =
  | 'CONFIG_INVALID'
  | 'EVENT_NOT_CHAINED'
  | 'FORBIDDEN'
  | 'INTERNAL'
  | 'INVALID_JSON'
  | 'INVALID_REQUEST'
  | 'JOURNAL_FAILED'
  | 'METHOD_NOT_ALLOWED'
  | 'NOT_FOUND'
  | 'NO_LEASE'
  | 'OVERLOADED'
  | 'PAYLOAD_TOO_LARGE'
  | 'TOO_MANY_PREPARED'
  | 'UNKNOWN_EVENT'
  | 'UNSUPPORTED_MEDIA_TYPE'

/**
 * The error class of this package. A service extends it by the codes that are its own. `facts` are shown to the caller as
 * `details`: nothing internal goes there. `retryAfterSeconds` among them becomes the header.
 */
export class ServiceError<OwnCode extends string = never> extends Error {
  override readonly name: string = 'ServiceError'
  readonly code: ServiceErrorCode | OwnCode
  readonly facts: Readonly<Record<string, unknown>> | undefined

  constructor(
    code: ServiceErrorCode | NoInfer<OwnCode>,
    message: string,
    options: ErrorOptions & { facts?: Record<string, unknown> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.facts = options.facts
  }
}
