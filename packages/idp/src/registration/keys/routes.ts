import { type App, lineOf } from '@rekey/service'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { requireScope } from '../../http/authorise.ts'
import type { Instance } from '../../instance.ts'
import { codes } from '../../openapi/errors.ts'
import { clientOf, type HeldClient } from '../held.ts'
import type { Validate } from '../judge.ts'
import { etagOf } from '../show.ts'
import { changeKeys, type GivenKeys, keysOf, readKeysAgain, withKeys } from './administer.ts'

const path = '/api/clients/:clientId/jwks'
const bodyLimit = 65_536

const jwk = z.record(z.string().max(100), z.unknown())
const keys = z.array(jwk)
const keySet = z.object({ keys })
/** A set is no key, although it may have other members. */
const oneKey = z.looseObject({ kty: z.string().max(20) })

const common = {
  tags: ['registration'],
  params: z.object({ clientId: lineOf(200) }),
  response: {
    200: keySet.describe('The public keys that it may authenticate by (RFC 7517); ETag is that of its registration'),
  },
}
const change = {
  ...common,
  headers: z.looseObject({
    'if-match': z.string().optional().describe('The ETag of what is to be changed; refused where it changed meanwhile'),
  }),
  refuses: codes('UNKNOWN_CLIENT', 'INVALID_CLIENT_METADATA', 'AGENT_DECOMMISSIONED', 'PRECONDITION_FAILED'),
}

/** The keys of a registered client, for whoever administers it or does so in its name: by a token, where it uses no registration access token. */
export function clientKeyRoutes(app: App, instance: Instance, validate: Validate): void {
  app.register(async (plain) => {
    const scope = plain.withTypeProvider<ZodTypeProvider>()
    scope.removeContentTypeParser('application/x-www-form-urlencoded')
    const parse = scope.getDefaultJsonParser('error', 'error')
    scope.addContentTypeParser('application/jwk-set+json', { parseAs: 'string' }, parse)
    readRoute(scope, instance)
    replaceRoute(scope, instance, validate)
    addRoute(scope, instance, validate)
  })
}

function readRoute(app: App, instance: Instance): void {
  const { db } = instance.connection
  const schema = { ...common, summary: 'Show the keys of a registered client', refuses: codes('UNKNOWN_CLIENT') }
  const onRequest = requireScope(instance, 'dcr.admin', { whileFrozen: 'allowed' })
  app.get(path, { onRequest, schema }, async ({ caller, params }, reply) => {
    const client = await clientOf(db, caller, params.clientId)
    return reply.header('etag', etagOf(client.revision)).send(plainSet(await keysOf(db, client)))
  })
}

function replaceRoute(app: App, instance: Instance, validate: Validate): void {
  const summary = 'Replace the keys of a registered client, or its jwks_uri by keys'
  const schema = { ...change, summary, body: keySet }
  const onRequest = requireScope(instance, 'dcr.admin', { whileFrozen: 'refused' })
  app.put(path, { onRequest, schema, bodyLimit }, async ({ caller, params, headers, body }, reply) => {
    const of = { caller, clientId: params.clientId, ifMatch: headers['if-match'] }
    const client = await changeKeys(instance, validate, of, () => body.keys)
    return reply.header('etag', etagOf(client.revision)).send(plainSet(await keysOf(instance.connection.db, client)))
  })
}

function addRoute(app: App, instance: Instance, validate: Validate): void {
  const { connection, config } = instance
  const summary = 'Add keys to those of a registered client; with no body, read its jwks_uri again at once'
  const body = z.union([keySet, oneKey]).nullish()
  const schema = { ...change, summary, body, refuses: [...change.refuses, ...codes('OUTBOUND_FAILED')] }
  const onRequest = requireScope(instance, 'dcr.admin', { whileFrozen: 'refused' })
  app.post(path, { onRequest, schema, bodyLimit }, async ({ caller, params, headers, body }, reply) => {
    const of = { caller, clientId: params.clientId, ifMatch: headers['if-match'] }
    const add = async (given: GivenKeys): Promise<HeldClient> =>
      changeKeys(instance, validate, of, (held) => withKeys(held, given, config.oidc.mostClientKeys))
    const read = async (): Promise<HeldClient> => {
      const client = await clientOf(connection.db, caller, params.clientId)
      await readKeysAgain(instance, client)
      return client
    }
    const client = await (body ? add('keys' in body ? (body.keys as GivenKeys) : [body]) : read())
    return reply.header('etag', etagOf(client.revision)).send(plainSet(await keysOf(connection.db, client)))
  })
}

function plainSet({ keys }: Awaited<ReturnType<typeof keysOf>>): z.infer<typeof keySet> {
  return { keys: keys.map((key) => ({ ...key })) }
}
