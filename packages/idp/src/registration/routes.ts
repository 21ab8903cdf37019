import type { App } from '@rekey/service'
import type { FastifyRequest } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { OAuthError } from '../error.ts'
import type { Instance } from '../instance.ts'
import { codes } from '../openapi/errors.ts'
import { requireRegistrationToken } from './access-tokens/bearer.ts'
import { registrationAdministration } from './administration/routes.ts'
import { clientOf } from './held.ts'
import { requireInitialToken } from './initial-tokens/bearer.ts'
import type { Validate } from './judge.ts'
import { clientKeyRoutes } from './keys/routes.ts'
import { clientMembers } from './metadata.ts'
import { register } from './register.ts'
import { deleteClient } from './remove.ts'
import { etagOf, shownRegistration, showRegistration } from './show.ts'
import { changeNamed, patch, replaceAll, replacement, updateRegistration } from './update.ts'

const tags = ['registration']
const path = '/api/oidc/register'
const bodyLimit = 65_536

const idempotencyHeader = z.looseObject({
  'idempotency-key': z
    .string()
    .optional()
    .describe('A lost reply is given once more for a day, though the token is spent'),
})
const matchHeader = z.looseObject({
  'if-match': z.string().optional().describe('The ETag of what is to be changed; refused where it changed meanwhile'),
})
const newClient = z.object({
  ...clientMembers,
  client_id: z.string().optional().describe('A wish; without it the server chooses one'),
  client_profile: z.string().optional().describe('What it may register hangs on it; default where nothing is said'),
})
const params = z.object({ clientId: z.string() })
const metadataCodes = codes('invalid_client_metadata', 'invalid_redirect_uri', 'invalid_scope')

/** Registration of clients (RFC 7591), their own administration of it (RFC 7592, and PATCH), and that of administrators. */
export function registrationRoutes(app: App, instance: Instance, validate: Validate): void {
  registrationAdministration(app, instance)
  clientKeyRoutes(app, instance, validate)
  // In a scope of its own: nothing here is sent as a form, and nothing elsewhere as a merge patch.
  app.register(async (plain) => {
    const scope = plain.withTypeProvider<ZodTypeProvider>()
    scope.removeContentTypeParser('application/x-www-form-urlencoded')
    scope.addHook('preHandler', requireReadable)
    scope.addHook('onError', async ({ method }) => {
      if (method !== 'GET' && method !== 'HEAD') instance.metrics.registrations.inc({ outcome: 'refused' })
    })
    registerRoute(scope, instance, validate)
    readRoute(scope, instance)
    changeRoutes(scope, instance, validate)
    deleteRoute(scope, instance)
  })
}

function registerRoute(app: App, instance: Instance, validate: Validate): void {
  const schema = {
    tags,
    summary: 'Register a client',
    headers: idempotencyHeader,
    body: newClient,
    response: { 201: shownRegistration },
    refuses: [
      ...metadataCodes,
      ...codes(
        'FORBIDDEN',
        'IDEMPOTENCY_KEY_REUSED',
        'VAULT_REFUSED',
        'VAULT_UNAVAILABLE',
        'TOO_MANY_CREDENTIALS',
        'DENY_LIST_FULL',
      ),
    ],
  }
  const onRequest = requireInitialToken(instance)
  app.post(path, { onRequest, schema, attachValidation: true, bodyLimit }, (request, reply) =>
    register(instance, validate, request, reply),
  )
}

function readRoute(app: App, instance: Instance): void {
  const schema = { tags, summary: 'Read a registration', params, response: { 200: shownRegistration } }
  const onRequest = requireRegistrationToken(instance, { whileFrozen: 'allowed' })
  app.get(`${path}/:clientId`, { onRequest, schema }, async ({ caller, registrationToken }, reply) => {
    const client = await clientOf(instance.connection.db, caller, registrationToken.clientId)
    reply.headers({ etag: etagOf(client.revision), 'cache-control': 'no-store' })
    return showRegistration(instance.config, client, registrationToken.token)
  })
}

function changeRoutes(plain: App, instance: Instance, validate: Validate): void {
  const onRequest = requireRegistrationToken(instance, { whileFrozen: 'refused' })
  const options = { onRequest, attachValidation: true, bodyLimit }
  const common = {
    tags,
    params,
    headers: matchHeader,
    response: { 200: shownRegistration },
    refuses: [...metadataCodes, ...codes('PRECONDITION_FAILED')],
  }
  const put = { ...common, summary: 'Replace what a client registered', body: replacement }
  plain.put(`${path}/:clientId`, { ...options, schema: put }, (request, reply) =>
    updateRegistration(instance, validate, request, reply, replaceAll),
  )
  plain.register(async (inner) => {
    const app = inner.withTypeProvider<ZodTypeProvider>()
    const parse = app.getDefaultJsonParser('error', 'error')
    app.addContentTypeParser('application/merge-patch+json', { parseAs: 'string' }, parse)
    const summary = 'Change what is named of a registration (RFC 7396)'
    app.patch(`${path}/:clientId`, { ...options, schema: { ...common, summary, body: patch } }, (request, reply) =>
      updateRegistration(instance, validate, request, reply, changeNamed),
    )
  })
}

function deleteRoute(app: App, instance: Instance): void {
  const schema = {
    tags,
    summary: 'Delete a registration: the client ends for good',
    params,
    headers: matchHeader,
    response: { 204: z.null() },
    refuses: codes('PRECONDITION_FAILED', 'temporarily_unavailable'),
  }
  const onRequest = requireRegistrationToken(instance, { whileFrozen: 'allowed' })
  app.delete(`${path}/:clientId`, { onRequest, schema }, async ({ caller, registrationToken, headers }, reply) => {
    await deleteClient(instance, caller, registrationToken.clientId, headers['if-match'])
    return reply.code(204).send(null)
  })
}

/** RFC 7591 §3.2.2 has a code for metadata of the wrong type. */
async function requireReadable({ validationError }: FastifyRequest): Promise<void> {
  if (!validationError) return
  const { validation, validationContext } = validationError
  const [first] = validation
  const what = first
    ? `${first.instancePath.slice(1).replaceAll('/', '.') || 'the body'}: ${first.message}`
    : 'malformed'
  throw new OAuthError(validationContext === 'body' ? 'invalid_client_metadata' : 'invalid_request', what)
}
