import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Authenticator, requestGuard } from '../http/guard.ts'
import { type Controlled, type InternalOptions, internalEndpoints } from '../http/internal/endpoints.ts'
import { sendRefusal, sendReply } from '../http/node/answer.ts'
import { internalRequest, presentedRequest } from '../http/node/request.ts'
import type { GuardOptions } from '../http/options.ts'
import type { VerifiedToken } from '../jwt/verify.ts'

/** The part of an Express or Connect request that is touched. `token` is set when the request goes on. */
export type ExpressRequest = IncomingMessage & { originalUrl?: string; body?: unknown; token?: VerifiedToken }

type Next = (error?: unknown) => void

/** Runs what may fail; Express 4 and Connect know nothing of promises. */
async function orNext<T>(next: Next, act: () => Promise<T>): Promise<T | undefined> {
  try {
    return await act()
  } catch (error) {
    next(error)
    return undefined
  }
}

/**
 * Middleware for Express 5, Express 4 and Connect: sets `req.token` and goes on, or answers by itself: 401 (the token is at
 * fault), 403 (it does not suffice) or 503 (trust is unavailable).
 */
export function expressGuard(verifier: Authenticator, options: GuardOptions = {}) {
  const admit = requestGuard(verifier, options)
  return async (request: ExpressRequest, response: ServerResponse, next: Next): Promise<void> => {
    const verdict = await orNext(next, () => admit(presentedRequest(request, options.baseUrl)))
    if (verdict === undefined) return
    if (verdict.token === undefined) return sendRefusal(response, verdict.refusal)
    for (const [name, value] of Object.entries(verdict.headers)) response.setHeader(name, value)
    request.token = verdict.token
    next()
  }
}

/**
 * The internal endpoints as middleware for Express 5, Express 4 and Connect; every other request goes on. Without a
 * secret every request does.
 */
export function expressInternal(control: Controlled, options: InternalOptions = {}) {
  const endpoints = internalEndpoints(control, options)
  async function serve(request: ExpressRequest, response: ServerResponse, next: Next): Promise<void> {
    const asked = internalRequest(request)
    if (!endpoints.paths.includes(asked.path)) return next()
    await orNext(next, async () => sendReply(response, await endpoints.answer(asked)))
  }
  return Object.assign(serve, { close: endpoints.close })
}
