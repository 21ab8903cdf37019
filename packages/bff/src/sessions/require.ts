import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Bff } from '../bff.ts'
import { BffError } from '../error.ts'
import type { LiveSession, Sessions } from './session.ts'

type Guarded = { readonly sessions: Pick<Sessions, 'of' | 'cookiesFor'> }

/**
 * An `onRequest` hook: sets `request.session`, and the cookie that goes with the reply.
 *
 * @returns throws BffError `NOT_AUTHENTICATED`, `IDP_UNAVAILABLE`; ServiceError `NO_LEASE`
 */
export function requireSession(bff: Guarded) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    request.session = await requiredSession(bff, request, reply)
  }
}

/** The same, for whoever has no hook to hang it on. */
export async function requiredSession(
  { sessions }: Guarded,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<LiveSession> {
  const session = await sessions.of(request)
  sendCookies({ sessions }, request, reply)
  if (session === undefined) throw new BffError('NOT_AUTHENTICATED', 'there is no session, or it is over')
  return session
}

/** Adds what `cookiesFor` says to the reply. */
export function sendCookies(
  { sessions }: { readonly sessions: Pick<Bff['sessions'], 'cookiesFor'> },
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  for (const line of sessions.cookiesFor(request)) reply.header('set-cookie', line)
}
