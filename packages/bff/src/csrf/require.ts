import type { FastifyRequest } from 'fastify'
import type { Bff } from '../bff.ts'
import { BffError } from '../error.ts'
import type { LiveSession } from '../sessions/session.ts'
import { isForeign } from './origin.ts'
import { type CsrfFault, faultOf, newToken } from './token.ts'

type Guarded = Pick<Bff, 'keyrings' | 'metrics'> & { config: Pick<Bff['config'], 'publicUrl' | 'cors'> }

/** RFC 9110 §9.2.1. */
const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

const said: Readonly<Record<CsrfFault | 'origin', string>> = {
  missing: 'X-CSRF-Token is missing; GET /auth/session tells it',
  malformed: 'X-CSRF-Token is none of ours; GET /auth/session tells it',
  stale: 'X-CSRF-Token is not accepted any more; GET /auth/session tells a new one',
  invalid: 'X-CSRF-Token is none of this session; GET /auth/session tells it',
  origin: 'the page that sent this is of another origin',
}

/** A token for the pages of one session. It is good as long as the version of keyring `csrf` that makes it is accepted. */
export function issueCsrf({ keyrings }: Pick<Bff, 'keyrings'>, session: Pick<LiveSession, 'id'>): string {
  return newToken(keyrings.sealing('csrf'), session.id)
}

/**
 * A `preHandler` hook, after the one that sets `request.session`: requests that change something need the token, in the header
 * `X-CSRF-Token`, or as `csrf_token` of a form that was parsed.
 */
export function requireCsrf(bff: Guarded) {
  const allowed = [new URL(bff.config.publicUrl).origin, ...bff.config.cors.origins]
  return async (request: FastifyRequest): Promise<void> => {
    if (safeMethods.has(request.method)) return
    if (isForeign(request.headers, allowed)) refuse(bff, 'origin')
    const fault = faultOf(bff.keyrings.sealing('csrf'), request.session.id, tokenOf(request))
    if (fault !== undefined) refuse(bff, fault)
  }
}

function refuse({ metrics }: Guarded, reason: CsrfFault | 'origin'): never {
  metrics.csrfViolations.inc({ reason })
  throw new BffError('CSRF_REFUSED', said[reason], { facts: { reason } })
}

function tokenOf({ headers, body }: FastifyRequest): string | undefined {
  const header = headers['x-csrf-token']
  if (header !== undefined) return String(header)
  // A proxied body is a stream: it is not read here.
  if (headers['content-type']?.startsWith('application/x-www-form-urlencoded') !== true) return undefined
  const field = (body as { csrf_token?: unknown } | null | undefined)?.csrf_token
  return typeof field === 'string' ? field : undefined
}
