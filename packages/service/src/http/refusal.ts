/** Where the errors that services have in common become HTTP. Each service goes on with those that are its own. */
import { asDatabaseError, DatabaseError, type DatabaseErrorCode } from '@rekey/database'
import { KeyringError, type KeyringErrorCode } from '@rekey/keyring'
import { SecretsError, type SecretsErrorCode } from '@rekey/secrets'
import type { FastifyReply } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { ServiceError, type ServiceErrorCode } from '../error.ts'

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

/** Every code by which any service may refuse a request. */
export type CommonRefusalCode =
  | ServiceErrorCode
  | KeyringErrorCode
  | SecretsErrorCode
  | 'COLUMN_KEY_MISSING'
  | 'DATABASE_UNAVAILABLE'

declare module 'fastify' {
  interface FastifySchema {
    /** The codes by which the route may refuse, beside those that it has in common with all of its sort. */
    refuses?: readonly string[]
  }
}

const serviceStatuses: Readonly<Record<ServiceErrorCode, number>> = {
  CONFIG_INVALID: 500,
  EVENT_NOT_CHAINED: 409,
  FORBIDDEN: 403,
  INTERNAL: 500,
  INVALID_JSON: 400,
  INVALID_REQUEST: 400,
  JOURNAL_FAILED: 500,
  METHOD_NOT_ALLOWED: 405,
  NOT_FOUND: 404,
  NO_LEASE: 503,
  OVERLOADED: 503,
  PAYLOAD_TOO_LARGE: 413,
  TOO_MANY_PREPARED: 409,
  UNKNOWN_EVENT: 404,
  UNSUPPORTED_MEDIA_TYPE: 415,
}

/** The status of each common code that is not 500. */
export const commonStatuses: Readonly<Partial<Record<CommonRefusalCode, number>>> = {
  ...serviceStatuses,
  ILLEGAL_TRANSITION: 409,
  NO_SUCCESSOR: 409,
  NOTHING_TO_ROLL_BACK: 409,
  ROTATION_UNDER_WAY: 409,
  UNKNOWN_KEYRING: 404,
  UNKNOWN_VERSION: 404,
  DATABASE_UNAVAILABLE: 503,
  SOURCE_UNAVAILABLE: 503,
  VAULT_UNAVAILABLE: 503,
}

/** What Fastify itself refuses, by its codes. */
const fastifyCodes: Readonly<Record<string, [ServiceErrorCode, string]>> = {
  FST_ERR_BAD_URL: ['INVALID_REQUEST', 'the path is malformed'],
  FST_ERR_CTP_BODY_TOO_LARGE: ['PAYLOAD_TOO_LARGE', 'the body is too large'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['INVALID_JSON', 'the body is empty, and JSON was announced'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['INVALID_JSON', 'the body is not JSON'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['UNSUPPORTED_MEDIA_TYPE', 'this content type is not understood here'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['INVALID_REQUEST', 'the body is not as long as Content-Length says'],
  FST_ERR_CTP_INVALID_TYPE: ['UNSUPPORTED_MEDIA_TYPE', 'this content type is not understood here'],
}

/** Says when to come again, where nobody knows better. */
export const retryAfter: Readonly<Record<string, string>> = { 'retry-after': '1' }

/** What nobody foresaw, or is the operator's to mend. */
export const unforeseen: Readonly<Refusal> = {
  status: 500,
  code: 'INTERNAL',
  message: 'an unforeseen error; the log tells more under the correlation id',
}

/**
 * @param error whatever was thrown
 * @param own the status of each code by which the service's own class extends `ServiceError`
 */
export function refusalOf(error: unknown, own: Readonly<Record<string, number>> = {}): Refusal {
  if (error instanceof KeyringError) return keyringRefusal(error)
  if (error instanceof SecretsError) return secretsRefusal(error)
  if (hasZodFastifySchemaValidationErrors(error)) return invalid(error)
  if (error instanceof ServiceError) return serviceRefusal(error, { ...own, ...serviceStatuses })
  const known = fastifyCodes[(error as { code?: string } | null)?.code ?? '']
  if (known) return serviceRefusal(new ServiceError(...known), serviceStatuses)
  const translated = asDatabaseError(error)
  return translated instanceof DatabaseError ? databaseRefusal(translated) : unforeseen
}

function serviceRefusal(error: ServiceError<string>, statuses: Readonly<Record<string, number>>): Refusal {
  const { code, message, facts: details } = error
  const refusal: Refusal = { status: statuses[code] ?? 500, code, message, details }
  if (refusal.status === 503) refusal.headers = retryAfter
  const seconds = details?.retryAfterSeconds
  if (seconds !== undefined) refusal.headers = { 'retry-after': String(seconds) }
  return refusal
}

function keyringRefusal({ code, message }: KeyringError): Refusal {
  return { status: commonStatuses[code] ?? 500, code, message }
}

/** A source is told by where it is, which is no secret; whoever sees that administers it. */
function secretsRefusal({ code, message }: SecretsError): Refusal {
  const status = commonStatuses[code] ?? 500
  return status === 503 ? { status, code, message, headers: retryAfter } : { status, code, message }
}

/** What no trying again mends, but an operator: to come again later is no advice. */
const forOperators: Readonly<Partial<Record<DatabaseErrorCode, string>>> = {
  COLUMN_KEY_MISSING:
    'what is stored is encrypted by a key that is not held here: an operator has to put that key back where those of columns come from; ' +
    '"rekey status" says more',
}

function databaseRefusal({ code, facts }: DatabaseError): Refusal {
  const cause = { code, ...facts }
  const told = forOperators[code]
  if (told !== undefined) return { status: 500, code, message: told, cause }
  const message = 'the database cannot serve this at the moment; try again'
  return { status: 503, code: 'DATABASE_UNAVAILABLE', message, headers: retryAfter, cause }
}

function invalid(error: { validation: { instancePath: string; message?: string }[] }): Refusal {
  const details = error.validation.map(({ instancePath, message }) => ({ path: instancePath, message }))
  return { status: 400, code: 'INVALID_REQUEST', message: 'the request does not fit what is expected here', details }
}

/** Writes a refusal as JSON: code, message, details, correlation id. */
export function sendRefusal(reply: FastifyReply, refusal: Refusal, correlationId: string): FastifyReply {
  const { status, headers = {}, code, message, details } = refusal
  return reply.code(status).headers(headers).send({ code, message, details, correlation_id: correlationId })
}
