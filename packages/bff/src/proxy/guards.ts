import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Route } from '../config/files/route.ts'

/** A hook that lets a request pass, or throws. */
export type Guard = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>

/** What stands before the services. */
export interface Guards {
  readonly session: Guard
  readonly csrf: Guard
  readonly link: Guard
  bearer(route: Route): Guard
  decision(route: Route): Guard
  /** Whether that decision hangs on the body, which is read for it then. */
  asksForBody(route: Route): boolean
}

/** In the order in which they are asked, before anything is read of the body. */
export function guardsBefore(route: Route, { session, csrf, link, bearer }: Guards): Guard[] {
  if (route.auth === 'session') return [session, csrf]
  if (route.auth === 'bearer') return [bearer(route)]
  return route.auth === 'link' ? [link] : []
}
