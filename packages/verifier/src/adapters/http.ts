import type { IncomingMessage, ServerResponse } from 'node:http'
import type { VerifiedToken } from '../jwt/verify.ts'
import { bearerToken } from './bearer.ts'
import type { Authenticator } from './fastify.ts'
import { refusalOf } from './refusal.ts'

/** A request whose token was found good. */
export type RequestWithToken = IncomingMessage & { readonly token: VerifiedToken }

/** A `node:http` handler behind the guard. */
export type GuardedHandler = (request: RequestWithToken, response: ServerResponse) => unknown

async function tokenOf(verifier: Authenticator, request: IncomingMessage, response: ServerResponse) {
  try {
    return await verifier.authenticate(bearerToken(request.headers.authorization))
  } catch (error) {
    const { status, headers, body } = refusalOf(error)
    response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers })
    response.end(JSON.stringify(body))
    return undefined
  }
}

/**
 * A `node:http` request listener that lets only good tokens through to `handler`, which finds them in `request.token`.
 * Answers 401 (the token is at fault) or 503 (trust is unavailable) with `{ code, message }` by itself.
 */
export function guard(verifier: Authenticator, handler: GuardedHandler) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const token = await tokenOf(verifier, request, response)
    if (token !== undefined) await handler(Object.assign(request, { token }), response)
  }
}
