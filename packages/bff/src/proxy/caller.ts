import type { FastifyRequest } from 'fastify'
import type { Route } from '../config/files/route.ts'
import type { Caller } from './headers/request.ts'

/**
 * By what the service knows who calls. A session's access token takes the place of whatever the browser sent, and a link has
 * none; what a bearer sent is passed on; a route that is open leaves it to the service.
 */
export function callerOf(request: FastifyRequest, { auth }: Pick<Route, 'auth'>): Caller {
  if (auth === 'session') {
    const { accessToken, sub } = request.session
    return { authorization: `Bearer ${accessToken}`, subject: sub }
  }
  if (auth === 'link') {
    const { sub, claims } = request.link
    return { authorization: undefined, subject: sub, claims }
  }
  const subject = auth === 'bearer' ? request.bearer.sub : undefined
  return { authorization: request.headers.authorization, subject }
}
