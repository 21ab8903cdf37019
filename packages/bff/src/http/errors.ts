/** The one place where the errors of the BFF become HTTP. */
import { refusalOf as commonRefusalOf, commonStatuses, type Refusal, sendRefusal as sendAsJson } from '@rekey/service'
import type { FastifyReply } from 'fastify'
import type { BffErrorCode } from '../error.ts'

const statuses: Readonly<Record<BffErrorCode, number>> = {
  CSRF_REFUSED: 403,
  GIVEN_ELSEWHERE: 409,
  IDP_UNAVAILABLE: 503,
  INSUFFICIENT_SCOPE: 403,
  LINK_REFUSED: 401,
  LOGIN_REFUSED: 401,
  NOT_AUTHENTICATED: 401,
  PDP_UNAVAILABLE: 503,
  RATE_LIMITED: 429,
  REFRESH_REFUSED: 401,
  UPSTREAM_REFUSED: 502,
  UPSTREAM_TIMEOUT: 504,
  UPSTREAM_UNAVAILABLE: 502,
}

/** The status by which a code is told. */
export function statusOf(code: string): number {
  return { ...commonStatuses, ...statuses }[code as BffErrorCode] ?? 500
}

export function refusalOf(error: unknown): Refusal {
  return commonRefusalOf(error, statuses)
}

/** Writes a refusal as JSON. Who is not known is told so in the form that clients of such gateways look for as well. */
export function sendRefusal(reply: FastifyReply, refusal: Refusal, correlationId: string): FastifyReply {
  reply.header('cache-control', 'no-store')
  if (refusal.status !== 401) return sendAsJson(reply, refusal, correlationId)
  const { code, message, details, headers = {} } = refusal
  return reply
    .code(401)
    .headers(headers)
    .send({ detail: 'Not authenticated', code, message, details, correlation_id: correlationId })
}
