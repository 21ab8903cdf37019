/** A login from its beginning to the session that comes of it. */
import { databaseNow } from '@rekey/database'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Bff } from '../bff.ts'
import { BffError } from '../error.ts'
import { sendCookies } from '../sessions/require.ts'
import { isLocalPath } from './return-to.ts'
import { forgetLogin, recallLogin, rememberLogin } from './state-cookie.ts'

export const loginQuery = z.object({
  return_to: z.string().refine(isLocalPath, 'a path of this server, beginning with one slash').default('/'),
})

/** Sends the browser to the identity provider. */
export async function beginLogin(bff: Bff, request: FastifyRequest, reply: FastifyReply, returnTo: string) {
  const { url, begun } = await bff.provider.beginLogin()
  for (const line of rememberLogin(bff, request, begun, returnTo)) reply.header('set-cookie', line)
  return reply.redirect(url.href, 302)
}

export const callbackQuery = z.looseObject({ state: z.string().min(1).max(512) })

/**
 * The browser comes back. A session is always a new one: what the browser bears may be known to somebody else, and is ended.
 *
 * While it cannot be told whether the login succeeded it stays remembered: the page may be loaded again.
 */
export async function finishLogin(bff: Bff, request: FastifyRequest, reply: FastifyReply, state: string) {
  // A code is good once: nobody is to give it away who could not use what it brings.
  bff.requireLease()
  const remembered = recallLogin(bff, request, state)
  try {
    if (remembered === undefined) throw new BffError('LOGIN_REFUSED', 'no login of this browser is waiting for that')
    const since = await databaseNow(bff.connection.db)
    const tokens = await bff.provider.finishLogin(new URL(request.url, bff.config.publicUrl), remembered.begun)
    await bff.sessions.begin(request, tokens, since)
    sendCookies(bff, request, reply)
    reply.header('set-cookie', forgetLogin(bff, state))
    return reply.redirect(remembered.returnTo, 302)
  } catch (error) {
    if (error instanceof BffError && error.code === 'LOGIN_REFUSED') {
      reply.header('set-cookie', forgetLogin(bff, state))
    }
    throw error
  }
}
