import type { VerifiedToken } from '../jwt/verify.ts'
import { bearerToken } from './bearer.ts'
import { refusalOf } from './refusal.ts'

/** What this adapter needs of a verifier. */
export interface Authenticator {
  authenticate(token: string): Promise<VerifiedToken>
}

/** The part of a Fastify request that is touched. `token` is set when the request goes on to its handler. */
export interface GuardedRequest {
  readonly headers: { readonly authorization?: string | undefined }
  token?: VerifiedToken
}

/** The part of a Fastify reply that is touched. */
export interface GuardedReply {
  code(status: number): GuardedReply
  headers(values: Record<string, string>): GuardedReply
  send(body: unknown): unknown
}

/**
 * A Fastify `preHandler` or `onRequest` hook: sets `request.token`, or answers 401 (the token is at fault) or 503 (trust
 * is unavailable) with `{ code, message }`, where `code` is that of the VerifyError.
 */
export function fastifyGuard(verifier: Authenticator) {
  return async (request: GuardedRequest, reply: GuardedReply): Promise<unknown> => {
    try {
      request.token = await verifier.authenticate(bearerToken(request.headers.authorization))
      return undefined
    } catch (error) {
      const { status, headers, body } = refusalOf(error)
      reply
        .code(status)
        .headers({ ...headers })
        .send(body)
      return reply
    }
  }
}
