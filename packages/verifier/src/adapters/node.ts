import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Authenticator, requestGuard } from '../http/guard.ts'
import { type Controlled, type InternalOptions, internalEndpoints } from '../http/internal/endpoints.ts'
import { sendRefusal, sendReply } from '../http/node/answer.ts'
import { internalRequest, presentedRequest } from '../http/node/request.ts'
import type { GuardOptions } from '../http/options.ts'
import type { VerifiedToken } from '../jwt/verify.ts'

/** A request whose token was found good. */
export type RequestWithToken = IncomingMessage & { readonly token: VerifiedToken }

/** A `node:http` handler behind the guard. */
export type GuardedHandler = (request: RequestWithToken, response: ServerResponse) => unknown

/**
 * A `node:http` request listener that lets only good tokens through to `handler`, which finds them in `request.token`.
 * Answers everything else by itself: 401 (the token is at fault), 403 (it does not suffice) or 503 (trust is unavailable).
 */
export function nodeGuard(verifier: Authenticator, handler: GuardedHandler, options: GuardOptions = {}) {
  if (typeof handler !== 'function') throw new TypeError('nodeGuard needs the handler that it guards')
  const admit = requestGuard(verifier, options)
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { token, refusal, headers } = await admit(presentedRequest(request, options.baseUrl))
    if (token === undefined) return sendRefusal(response, refusal)
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    await handler(Object.assign(request, { token }), response)
  }
}

/**
 * The internal endpoints for `node:http`: resolves to whether the request was for one of them, and then is answered.
 * Without a secret nothing is.
 */
export function nodeInternal(control: Controlled, options: InternalOptions = {}) {
  const endpoints = internalEndpoints(control, options)
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const asked = internalRequest(request)
    if (!endpoints.paths.includes(asked.path)) return false
    await sendReply(response, await endpoints.answer(asked))
    return true
  }
  return Object.assign(serve, { close: endpoints.close })
}
