import type { App } from '@rekey/service'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Client } from '../credentials/client.ts'
import type { Instance } from '../instance.ts'
import { codes } from '../openapi/errors.ts'
import { grantTypes } from '../registration/metadata.ts'
import { type Form, formOf, formRoute } from '../tokens/form.ts'
import { clientCredentials, tokenReply } from '../tokens/routes.ts'
import { longestAddress } from './by-post.ts'
import { isPublic } from './client-adapter.ts'
import { clientOf, passedOn } from './client-front.ts'
import { providerRoutes } from './configuration.ts'
import { forward } from './forward.ts'
import type { Oidc } from './open.ts'

const tokenBody = z.object({
  grant_type: z.enum(grantTypes),
  code: z.string().optional(),
  redirect_uri: z.string().optional(),
  code_verifier: z.string().optional().describe('RFC 7636, S256; without it no code is taken'),
  refresh_token: z.string().optional().describe('Good until the one of the reply was used'),
  resource: z.string().optional().describe('RFC 8707: the audience of the JWT that is wanted'),
  scope: z.string().optional(),
})
const userTokenReply = tokenReply.extend({
  id_token: z.string().optional(),
  refresh_token: z.string().optional(),
})
const pushedBody = z.looseObject({
  response_type: z.literal('code'),
  redirect_uri: z.string(),
  code_challenge: z.string(),
  code_challenge_method: z.literal('S256'),
})
const pushedReply = z.object({ request_uri: z.string(), expires_in: z.number().describe('Seconds') })
const byClient = [{ client: [] }]

const toIssue = {
  tags: ['tokens'],
  summary: 'Issue tokens (RFC 6749, OpenID Connect Core §3.1.3)',
  description: 'For a code, for a refresh token, and for client_credentials as at /api/v1/token.',
  response: { 200: userTokenReply },
  refuses: codes('invalid_grant', 'invalid_scope', 'unauthorized_client', 'unsupported_grant_type'),
}
const toPush = {
  tags: ['login'],
  summary: 'Take the parameters of an authorization request (RFC 9126)',
  response: { 201: pushedReply },
  refuses: codes('invalid_request'),
}

/** Where clients get tokens and push their requests. They are authenticated here; the provider is asked once it is known who asks. */
export function clientRoutes(app: App, instance: Instance, oidc: Oidc): void {
  const issue = clientCredentials(instance)

  async function pass(
    request: FastifyRequest,
    reply: FastifyReply,
    form: Form,
    judge: (client: Client) => void = () => {},
  ): Promise<void> {
    instance.requireLease()
    const client = await clientOf(instance, request, form)
    judge(client)
    return forward(oidc.current(), request, reply, { form: passedOn(form, client, oidc.proof) })
  }

  app.post(providerRoutes.token, formRoute(toIssue, tokenBody, byClient), (request, reply) => {
    const form = formOf(request)
    const isForUser = form.grant_type !== undefined && form.grant_type !== 'client_credentials'
    return isForUser ? pass(request, reply, form) : issue(request, reply)
  })
  const pushed = providerRoutes.pushed_authorization_request
  const push = { ...formRoute(toPush, pushedBody, byClient), bodyLimit: longestAddress }
  app.post(pushed, push, (request, reply) =>
    pass(request, reply, formOf(request), (client) => {
      // Anybody may say that he is one of these.
      if (isPublic(client)) instance.limits.login(request.ip)
    }),
  )
}
