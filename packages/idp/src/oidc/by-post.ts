import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { OAuthError } from '../error.ts'
import { formOf } from '../tokens/form.ts'

/** Servers and proxies on the way take no longer ones, not all of them; and what is asked is kept until the user has logged in. */
export const longestAddress = 8_192

/**
 * What may be sent by POST as well (OpenID Connect Core §3.1.2.1, RP-Initiated Logout §2) goes on as a GET: with that one the browser
 * also sends those cookies that a form of another site does not carry.
 *
 * @throws OAuthError `invalid_request` for what is no form, names a parameter twice that is no `resource`, or is too long
 */
export async function goOnByGet(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { headers, body } = request
  const { resource = [], ...once } = (body ?? {}) as Record<string, unknown>
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(body ? formOf({ headers, body: once }) : {})) {
    if (value !== undefined) query.set(name, value)
  }
  // RFC 8707 §2: this one may be given more than once.
  for (const each of [resource].flat()) if (each !== '') query.append('resource', String(each))
  const [path = ''] = request.url.split('?', 1)
  const address = query.size === 0 ? path : `${path}?${query}`
  requireShort(address)
  return reply.header('cache-control', 'no-store').redirect(address, 303)
}

/** @throws OAuthError `invalid_request` */
export function requireShort(address: string): void {
  if (address.length > longestAddress) throw new OAuthError('invalid_request', 'the parameters are too long')
}

/** The options of such a route. What is wrong with a form is said by whoever reads it, in the words of OAuth. */
export function byPost<Schema extends object>(schema: Schema) {
  const consumes = ['application/x-www-form-urlencoded']
  const body = z.looseObject({}).describe('The parameters of the GET')
  return { schema: { ...schema, consumes, body }, validatorCompiler: () => () => true }
}
