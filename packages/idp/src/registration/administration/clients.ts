import { recordEvent } from '@rekey/database'
import { type App, iso, lastMoment, lineOf, nextCursor, pageQuery, time } from '@rekey/service'
import { z } from 'zod'
import { requireMayBecome } from '../../agents/grant.ts'
import { requireNotDecommissioned } from '../../credentials/create.ts'
import { requireScope } from '../../http/authorise.ts'
import type { Instance } from '../../instance.ts'
import { codes } from '../../openapi/errors.ts'
import type { Caller } from '../../tokens/opaque.ts'
import { newRegistrationToken, replaceRegistrationTokens } from '../access-tokens/store.ts'
import { lockClient } from '../held.ts'
import { deleteClient } from '../remove.ts'
import { etagOf, registrationUri } from '../show.ts'
import { detailsOf, listClients } from './read.ts'
import { detailedClient, listedClient } from './shapes.ts'

const tags = ['registration']
const path = '/api/admin/dcr/clients'
const params = z.object({ clientId: lineOf(200) })
const scopes = ['admin.api', 'dcr.admin'] as const

const issued = z.object({
  registration_access_token: z.string().describe('Never shown again. Those that the client had are dead'),
  registration_client_uri: z.string(),
  expires_at: time.optional(),
})

/** The clients that registered, of the caller's organization. */
export function clientRoutes(app: App, instance: Instance): void {
  const { db } = instance.connection
  const write = { onRequest: requireScope(instance, scopes, { whileFrozen: 'refused' }) }
  const always = { onRequest: requireScope(instance, scopes, { whileFrozen: 'allowed' }) }
  const refuses = codes('UNKNOWN_CLIENT')

  const list = {
    tags,
    summary: 'List the registered clients of your organization',
    querystring: z.object(pageQuery),
    response: { 200: z.object({ clients: z.array(listedClient), nextCursor }) },
  }
  app.get(path, { ...always, schema: list }, ({ caller, query }) => listClients(db, caller, query))

  const show = { tags, summary: 'Show a registered client', params, response: { 200: detailedClient }, refuses }
  app.get(`${path}/:clientId`, { ...always, schema: show }, async ({ caller, params }, reply) => {
    const { revision, ...shown } = await detailsOf(db, caller, params.clientId)
    return reply.header('etag', etagOf(revision)).send(shown)
  })

  const issue = {
    tags,
    summary: 'Issue a registration access token',
    params,
    response: { 201: issued },
    refuses: codes('UNKNOWN_CLIENT', 'AGENT_DECOMMISSIONED'),
  }
  app.post(`${path}/:clientId/tokens`, { ...write, schema: issue }, async ({ caller, params }, reply) => {
    const made = await issueToken(instance, caller, params.clientId)
    return reply.code(201).header('cache-control', 'no-store').send(made)
  })

  const end = {
    tags,
    summary: 'Delete a registered client: it ends for good',
    params,
    response: { 204: z.null() },
    refuses: codes('UNKNOWN_CLIENT', 'DENY_LIST_FULL'),
  }
  app.delete(`${path}/:clientId`, { ...always, schema: end }, async ({ caller, params }, reply) => {
    await deleteClient(instance, caller, params.clientId, undefined)
    return reply.code(204).send(null)
  })
}

/** @throws IdpError `UNKNOWN_CLIENT`, `FORBIDDEN`, `INSUFFICIENT_SCOPE`, `AGENT_DECOMMISSIONED` */
async function issueToken(
  { connection, config }: Instance,
  caller: Caller,
  clientId: string,
): Promise<z.infer<typeof issued>> {
  const token = newRegistrationToken()
  const { expiresAt } = await connection.db.transaction().execute(async (transaction) => {
    const held = await lockClient(transaction, caller, clientId)
    requireNotDecommissioned(held)
    // By it keys are registered, and whoever has the key of a client can do what that can.
    requireMayBecome(caller, held)
    await recordEvent(transaction, {
      action: 'registration_token.issued',
      outcome: 'success',
      actor: caller.clientId,
      agentId: clientId,
      organizationId: held.organizationId,
      details: { by: 'administration' },
    })
    return replaceRegistrationTokens(transaction, config.oidc, clientId, token)
  })
  return {
    registration_access_token: token.token,
    registration_client_uri: registrationUri(config.issuer, clientId),
    expires_at: expiresAt < lastMoment ? iso(expiresAt) : undefined,
  }
}
