import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Route } from '../config/files/route.ts'
import type { LiveSession } from '../sessions/session.ts'

/** A hook that lets a request pass, or throws. */
export type Guard = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>

/** What stands before the services. */
export interface Guards {
  readonly session: Guard
  readonly csrf: Guard
  readonly link: Guard
  /** Whether the session that a request came with is there still. @throws where that cannot be told at the moment */
  remains(request: FastifyRequest): Promise<boolean>
  bearer(route: Route): Guard
  decision(route: Route): Guard
  /** The session of a request with another access token than the one that a service refused; nothing where there is none. */
  another(request: FastifyRequest): Promise<LiveSession | undefined>
  /** Whether that decision hangs on the body, which is read for it then. */
  asksForBody(route: Route): boolean
}

/** In the order in which they are asked, before anything is read of the body. */
export function guardsBefore(route: Route, { session, csrf, link, bearer }: Guards): Guard[] {
  if (route.auth === 'session') return [session, csrf]
  if (route.auth === 'bearer') return [bearer(route)]
  return route.auth === 'link' ? [link] : []
}
