import { randomUUID } from 'node:crypto'
import { type App, lineOf, moment, time } from '@rekey/service'
import { sql } from 'kysely'
import { z } from 'zod'
import { requireMayBecome } from '../../agents/grant.ts'
import { type NewCredential, requireNotDecommissioned } from '../../credentials/create.ts'
import { createOnce, overlapOf, rotateOnce } from '../../credentials/next-version.ts'
import { idempotencyHeader } from '../../credentials/schema.ts'
import { credentialsIn, type StoredCredential, storedOf } from '../../credentials/stored.ts'
import { IdpError } from '../../error.ts'
import { requireScope } from '../../http/authorise.ts'
import type { Instance } from '../../instance.ts'
import { codes } from '../../openapi/errors.ts'
import type { IdpDatabase } from '../../tables.ts'
import { clientOf } from '../held.ts'
import { isBySecret } from '../methods.ts'

const params = z.object({ clientId: lineOf(200) })

const body = z
  .strictObject({
    overlap: z
      .string()
      .max(20)
      .optional()
      .describe('For how long the old secret works beside the new one, as in 24h; at most 90d'),
    expiresAt: moment
      .optional()
      .describe('From then on it is not accepted. By default it lives for as long as the old one would have'),
  })
  .nullish()

const newSecret = z.object({
  client_id: z.string(),
  client_secret: z.string().describe('Never shown again'),
  client_secret_expires_at: z.number().int().describe('Seconds since the epoch; 0: never'),
  credential_id: z.string().describe('Among the credentials of the agent'),
  overlap_ends_at: time.optional().describe('Until then the secret before works, too'),
})

const change = {
  tags: ['registration'],
  summary: 'Change the secret of a client. It is in the reply, and never shown again',
  params,
  headers: idempotencyHeader,
  body,
  response: { 200: newSecret },
  refuses: codes(
    'UNKNOWN_CLIENT',
    'INVALID_CLIENT_METADATA',
    'AGENT_DECOMMISSIONED',
    'CREDENTIAL_CHANGED',
    'CREDENTIAL_REVOKED',
    'TOO_MANY_CREDENTIALS',
    'IDEMPOTENCY_KEY_REUSED',
    'VAULT_REFUSED',
    'VAULT_UNAVAILABLE',
  ),
}

/** A client changes its keys itself. Its secret is changed by an administrator, and never stands in its metadata. */
export function clientSecretRoute(app: App, instance: Instance): void {
  const onRequest = requireScope(instance, ['admin.api', 'dcr.admin'], { whileFrozen: 'refused' })

  app.post('/api/admin/dcr/clients/:clientId/secret', { onRequest, schema: change }, async (request, reply) => {
    const { caller, params, body } = request
    const client = await clientOf(instance.connection.db, caller, params.clientId)
    requireNotDecommissioned(client)
    requireMayBecome(caller, client)
    if (!isBySecret(client.metadata)) throw hasNone()
    const asked = { expiresAt: body?.expiresAt, overlapMs: overlapOf(body?.overlap) }
    const held = await secretOf(instance.connection.db, params.clientId)
    const order = { request, operation: 'change the secret of a client' }
    // Where each was revoked there is nothing that could overlap.
    const anew = { agentId: params.clientId, credentialId: randomUUID(), kind: 'client-secret' as const }
    const made = await (held
      ? rotateOnce(instance, order, held, asked)
      : createOnce(instance, order, anew, asked.expiresAt))
    reply.header('cache-control', 'no-store')
    return shown(made)
  })
}

function hasNone(): IdpError {
  return new IdpError(
    'INVALID_CLIENT_METADATA',
    'the client did not register to authenticate by a secret; its keys are changed at /api/clients/:clientId/jwks',
  )
}

/** What it registered with, unless that was revoked: then what it was given after that. */
async function secretOf(db: IdpDatabase, clientId: string): Promise<StoredCredential | undefined> {
  const row = await credentialsIn(db)
    .where('agent_id', '=', clientId)
    .where('kind', '=', 'client-secret')
    .where('status', '=', 'active')
    .orderBy('created_at')
    .orderBy(sql`credential_id`)
    .limit(1)
    .executeTakeFirst()
  return row && storedOf(row)
}

function shown({ clientId, clientSecret = '', credentialId, expiresAt, overlapEndsAt }: NewCredential) {
  return {
    client_id: clientId,
    client_secret: clientSecret,
    client_secret_expires_at: expiresAt === undefined ? 0 : Math.floor(Date.parse(expiresAt) / 1_000),
    credential_id: credentialId,
    overlap_ends_at: overlapEndsAt,
  }
}
