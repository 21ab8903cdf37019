import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Route } from '../config/files/route.ts'

/** A hook that lets a request pass, or throws. */
export type Guard = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>

/** What stands before the services. */
export interface Guards {
  readonly session: Guard
  readonly csrf: Guard
  readonly bearer: Guard
  readonly link: Guard
  decision(route: Route): Guard
}

/** In the order in which they are asked. */
export function guardsBefore(route: Route, guards: Guards): Guard[] {
  const known = { session: [guards.session, guards.csrf], bearer: [guards.bearer], link: [guards.link], none: [] }
  return route.authz === 'pdp' ? [...known[route.auth], guards.decision(route)] : known[route.auth]
}
