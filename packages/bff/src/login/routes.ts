/** What is below /auth. */
import type { App } from '@rekey/service'
import { z } from 'zod'
import type { Bff } from '../bff.ts'
import { issueCsrf, requireCsrf } from '../csrf/require.ts'
import { sessionCookie } from '../sessions/borne.ts'
import { clearCookie } from '../sessions/cookie.ts'
import { requiredSession, requireSession, sendCookies } from '../sessions/require.ts'
import { obeyLogout } from './back-channel.ts'
import { loggedOutQuery, onwardUrl, scriptUrl } from './logged-out.ts'
import { beginLogin, callbackQuery, finishLogin, loginQuery } from './login.ts'
import { homeOf, isForm, logOut } from './logout.ts'
import { asPage } from './page.ts'
import { identityHeaders, shownSession } from './shown.ts'

// Whatever else a form has: its CSRF token is looked for later.
const logoutBody = z.looseObject({ everywhere: z.union([z.boolean(), z.stringbool()]).default(false) }).nullish()
const backChannelBody = z.object({ logout_token: z.string().min(1) })

/** Registers the routes of logins and sessions. Bodies of forms are parsed by whoever builds the server. */
export function authRoutes(app: App, bff: Bff): void {
  if (!app.hasRequestDecorator('session')) app.decorateRequest('session')
  // Nothing below /auth is anybody else's, or the same tomorrow.
  const noStore = async (_request: unknown, reply: { header(name: string, value: string): unknown }) => {
    reply.header('cache-control', 'no-store')
  }

  app.get(
    '/auth/login',
    { onRequest: noStore, onSend: asPage, schema: { querystring: loginQuery } },
    (request, reply) => beginLogin(bff, request, reply, request.query.return_to),
  )

  app.get(
    '/auth/callback',
    // Whoever only wants the head would use the code up.
    { exposeHeadRoute: false, onRequest: noStore, onSend: asPage, schema: { querystring: callbackQuery } },
    (request, reply) => finishLogin(bff, request, reply, request.query.state),
  )

  app.get('/auth/session', { onRequest: [noStore, requireSession(bff)] }, (request) =>
    shownSession(request.session, issueCsrf(bff, request.session)),
  )

  app.get('/auth/verify', { onRequest: noStore }, async (request, reply) => {
    const session = await requiredSession(bff, request, reply)
    return reply.headers(identityHeaders(session)).send()
  })

  const csrf = requireCsrf(bff)
  app.post('/auth/logout', { onRequest: noStore, schema: { body: logoutBody } }, async (request, reply) => {
    // Whatever has become of its access token: who cannot be refreshed may leave all the same.
    const session = await bff.sessions.present(request)
    let url = homeOf(bff)
    if (session) {
      request.session = session
      await csrf(request)
      url = await logOut(bff, session, request.body?.everywhere ?? false)
      reply.header('set-cookie', clearCookie(bff.config.publicUrl, sessionCookie))
    } else sendCookies(bff, request, reply)
    return isForm(request) ? reply.redirect(url, 303) : reply.send({ logout_url: scriptUrl(bff, url) })
  })

  app.get(
    '/auth/logged-out',
    { onRequest: noStore, onSend: asPage, schema: { querystring: loggedOutQuery } },
    (request, reply) => reply.redirect(onwardUrl(bff, request.query.to), 303),
  )

  app.post(
    '/auth/backchannel-logout',
    { onRequest: noStore, schema: { body: backChannelBody } },
    async (request, reply) => {
      await obeyLogout(bff, request.body.logout_token)
      return reply.code(200).send()
    },
  )
}
