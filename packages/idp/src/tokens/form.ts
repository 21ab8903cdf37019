import type { FastifyRequest, FastifySchema } from 'fastify'
import { z } from 'zod'
import { OAuthError } from '../error.ts'
import type { Requirement } from '../openapi/security.ts'

/** The parameters of a request to an OAuth endpoint. */
export type Form = Readonly<Record<string, string | undefined>>

/** RFC 7523 §2.2. */
export const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** No request of these endpoints is longer. */
const maxFormBytes = 16_384

/**
 * Reads the form. A parameter without a value counts as not given (RFC 6749 §3.2).
 *
 * @throws OAuthError `invalid_request` when it is no form, or a parameter is given twice (RFC 6749 §3.2)
 */
export function formOf(request: Pick<FastifyRequest, 'body' | 'headers'>): Form {
  const { body } = request
  if (!body || !request.headers['content-type']?.startsWith('application/x-www-form-urlencoded')) {
    throw new OAuthError('invalid_request', 'the body must be application/x-www-form-urlencoded')
  }
  const form = body as Record<string, unknown>
  for (const name in form) {
    if (typeof form[name] !== 'string') throw new OAuthError('invalid_request', 'a parameter is given more than once')
    if (form[name] === '') form[name] = undefined
  }
  return form as Form
}

/**
 * The options of a route that takes a form. The schema of the body is for whoever reads the description of the API: what is
 * wrong with a form is said in the words of OAuth, by `formOf` and whoever reads it.
 *
 * @param callers who may call, one requirement for each sort
 */
export function formRoute<Schema extends FastifySchema>(schema: Schema, body: z.ZodObject, callers: Requirement[]) {
  const consumes = ['application/x-www-form-urlencoded']
  const documented = { ...schema, security: callers, consumes, body: z.object({ ...body.shape, ...credential }) }
  return { bodyLimit: maxFormBytes, schema: documented, validatorCompiler: () => () => true }
}

/** How a client authenticates when it does not by HTTP Basic. */
const credential = {
  client_id: z.string().optional(),
  client_secret: z.string().optional(),
  client_assertion_type: z.literal(assertionType).optional(),
  client_assertion: z.string().optional().describe('RFC 7523: a JWT, signed by a key of the client'),
}
