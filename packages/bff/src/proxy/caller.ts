import type { FastifyRequest } from 'fastify'
import type { Route } from '../config/files/route.ts'
import type { Caller } from './headers/request.ts'

/**
 * By what the service knows who calls. A session's access token takes the place of whatever the browser sent; what a bearer sent
 * is passed on; a route that is open leaves it to the service.
 */
export function callerOf(request: FastifyRequest, { auth }: Pick<Route, 'auth'>): Caller {
  if (auth === 'session') {
    const { accessToken, sub } = request.session
    return { authorization: `Bearer ${accessToken}`, subject: sub }
  }
  return { authorization: request.headers.authorization, subject: undefined }
}
