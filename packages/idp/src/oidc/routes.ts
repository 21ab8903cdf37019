import type { App } from '@rekey/service'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Instance } from '../instance.ts'
import { codes } from '../openapi/errors.ts'
import { formOf } from '../tokens/form.ts'
import { byPost, goOnByGet, requireShort } from './by-post.ts'
import { clientRoutes } from './client-routes.ts'
import { providerRoutes } from './configuration.ts'
import { forward } from './forward.ts'
import type { Oidc } from './open.ts'

const text = (description: string) => ({ description, content: { 'text/html': { schema: z.string() } } })
const shown = {
  tags: ['login'],
  response: {
    200: text('A page'),
    303: z.undefined().describe('On to the next step, and in the end back to the client'),
  },
  refuses: codes('invalid_request', 'NO_LEASE', 'DATABASE_UNAVAILABLE'),
}
const toLogIn = { ...shown, summary: 'Log a user in (RFC 6749 §4.1, OpenID Connect Core §3.1)' }
const toGoOn = { ...shown, summary: 'Go on after a login or a consent' }
const toLogOut = { ...shown, summary: 'Log a user out (OpenID Connect RP-Initiated Logout)' }
const toConfirm = { ...shown, summary: 'Confirm a logout' }
const goOn = {
  response: { 303: z.undefined().describe('On to the same by GET') },
  refuses: codes('invalid_request'),
}
const loggedOut = { ...shown, summary: 'Say that the user is logged out' }
const toTell = {
  tags: ['login'],
  summary: 'Say who the user of an access token is (OpenID Connect Core §5.3)',
  description: 'By an opaque access token that was granted `openid`.',
  response: { 200: z.looseObject({ sub: z.string() }) },
  refuses: codes('invalid_token', 'NO_LEASE', 'DATABASE_UNAVAILABLE'),
}
const preflight = {
  tags: ['login'],
  summary: 'What browsers ask before they call from a page of another origin',
  response: { 204: z.undefined().describe('A client may call from the origins of its redirect URIs') },
}

/** The endpoints of OpenID Connect. What is about users the provider answers. */
export function oidcRoutes(app: App, instance: Instance, oidc: Oidc): void {
  const pass = (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    instance.requireLease()
    const { authorization } = request.headers
    return forward(
      oidc.current(),
      request,
      reply,
      request.body ? { form: formOf(request), authorization } : { authorization },
    )
  }
  /** Anybody may begin, and of each who does something is kept. */
  const begin = (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    requireShort(request.url)
    instance.limits.login(request.ip)
    return pass(request, reply)
  }
  /** The same of a logout: it is kept until it is confirmed, also where nobody was logged in. */
  const beginLogout = (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    requireShort(request.url)
    instance.limits.logout(request.ip)
    return pass(request, reply)
  }
  const { authorization, userinfo, token, end_session: end } = providerRoutes
  app.get(authorization, { schema: { ...toLogIn, refuses: [...shown.refuses, ...codes('RATE_LIMITED')] } }, begin)
  app.post(authorization, byPost({ ...toLogIn, ...goOn }), goOnByGet)
  app.get(`${authorization}/:uid`, { schema: toGoOn }, pass)
  app.get(end, { schema: { ...toLogOut, refuses: [...shown.refuses, ...codes('RATE_LIMITED')] } }, beginLogout)
  app.post(end, byPost({ ...toLogOut, ...goOn }), goOnByGet)
  app.post(`${end}/confirm`, { schema: toConfirm }, pass)
  app.get(`${end}/success`, { schema: loggedOut }, pass)
  app.get(userinfo, { schema: toTell }, pass)
  app.post(userinfo, { schema: toTell }, pass)
  for (const url of [token, userinfo]) app.options(url, { schema: preflight }, pass)
  clientRoutes(app, instance, oidc)
}
