import { refusalResponse, replyResponse } from '../http/fetch/answer.ts'
import { internalRequest, presentedRequest } from '../http/fetch/request.ts'
import { type Authenticator, requestGuard } from '../http/guard.ts'
import { type Controlled, type InternalOptions, internalEndpoints } from '../http/internal/endpoints.ts'
import { certificateOf } from '../http/node/request.ts'
import type { GuardOptions } from '../http/options.ts'
import type { VerifiedToken } from '../jwt/verify.ts'

/** The part of Hono's context that is touched. `env.incoming` is what `@hono/node-server` knows of the connection. */
export interface HonoContext {
  readonly req: { readonly raw: Request; json(): Promise<unknown> }
  readonly env: unknown
  set(name: 'token', token: VerifiedToken): void
  header(name: string, value: string): void
}

/** For `new Hono<{ Variables: TokenVariables }>()`, so that `c.get('token')` has its type. */
export type TokenVariables = { token: VerifiedToken }

type Next = () => Promise<void>

function certificate(env: unknown): Uint8Array | undefined {
  const socket = (env as { incoming?: { socket?: object } } | undefined)?.incoming?.socket
  return socket && certificateOf(socket)
}

/**
 * Middleware for Hono: sets `c.get('token')` and goes on, or answers by itself: 401 (the token is at fault), 403 (it does
 * not suffice) or 503 (trust is unavailable).
 */
export function honoGuard(verifier: Authenticator, options: GuardOptions = {}) {
  const admit = requestGuard(verifier, options)
  return async (context: HonoContext, next: Next): Promise<Response | undefined> => {
    const { raw } = context.req
    const verdict = await admit(presentedRequest(raw, options.baseUrl, () => certificate(context.env)))
    if (verdict.token === undefined) return refusalResponse(raw, verdict.refusal)
    context.set('token', verdict.token)
    await next()
    for (const [name, value] of Object.entries(verdict.headers)) context.header(name, value)
    return undefined
  }
}

/** The internal endpoints as middleware for Hono; every other request goes on. Without a secret every request does. */
export function honoInternal(control: Controlled, options: InternalOptions = {}) {
  const endpoints = internalEndpoints(control, options)
  async function serve(context: HonoContext, next: Next): Promise<Response | undefined> {
    const asked = internalRequest(context.req.raw, () => context.req.json())
    if (endpoints.paths.includes(asked.path)) return replyResponse(await endpoints.answer(asked))
    await next()
    return undefined
  }
  return Object.assign(serve, { close: endpoints.close })
}
