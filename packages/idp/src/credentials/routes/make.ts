import { randomUUID } from 'node:crypto'
import { databaseNow } from '@rekey/database'
import { parseDuration } from '@rekey/keyring'
import type { FastifyReply } from 'fastify'
import { agentOf } from '../../agents/agent.ts'
import { requireMayBecome } from '../../agents/grant.ts'
import { IdpError } from '../../error.ts'
import type { App } from '../../http/app.ts'
import { requireScope } from '../../http/authorise.ts'
import { idempotent, type Preparation } from '../../http/idempotency.ts'
import type { Instance } from '../../instance.ts'
import { codes } from '../../openapi/errors.ts'
import { isSigning } from '../../registration/methods.ts'
import { requireStillInUse } from '../confirm.ts'
import { createCredential, type NewCredential, requireCreatable, requireNotDecommissioned } from '../create.ts'
import { type GivenJwk, type Made, makeVersion } from '../make.ts'
import { planRotation } from '../plan.ts'
import { rotateCredential } from '../rotate.ts'
import { agentParams, credentialParams, idempotencyHeader, newCredential, newlyMade, rotation } from '../schema.ts'
import type { StoredCredential } from '../stored.ts'
import { found, ofAgent, one, tags } from './found.ts'

const create = {
  tags,
  summary: 'Create a credential. Its secret is in the reply, and never shown again',
  params: agentParams,
  headers: idempotencyHeader,
  body: newCredential,
  response: { 201: newlyMade },
  refuses: codes(
    'UNKNOWN_AGENT',
    'AGENT_DECOMMISSIONED',
    'ALREADY_EXISTS',
    'CREDENTIAL_CHANGED',
    'CREDENTIAL_REVOKED',
    'TOO_MANY_CREDENTIALS',
    'IDEMPOTENCY_KEY_REUSED',
    'VAULT_REFUSED',
    'VAULT_UNAVAILABLE',
  ),
}

export function createRoute(app: App, instance: Instance): void {
  const { config, connection } = instance
  const onRequest = requireScope(instance, 'agents:write', { whileFrozen: 'refused' })

  app.post(ofAgent, { onRequest, schema: create }, async (request, reply) => {
    const { expiresAt, jwk, kind = jwk ? 'client-key' : 'client-secret' } = request.body ?? {}
    const agent = await agentOf(connection.db, request.caller, request.params.agentId)
    requireNotDecommissioned(agent)
    requireMayBecome(request.caller, agent)
    const of = { agentId: agent.agent_id, credentialId: randomUUID(), kind }
    const made = await idempotent(
      instance,
      request,
      'create a credential',
      (transaction, version) => createCredential(transaction, config, request.caller, of, version, expiresAt),
      nextVersion(instance, of, jwk, () => requireCreatable(connection.db, agent.agent_id, expiresAt)),
    )
    return noStore(reply).code(201).send(made)
  })
}

const rotate = {
  tags,
  summary: 'Rotate a credential. The new secret is in the reply, and never shown again',
  params: credentialParams,
  headers: idempotencyHeader,
  body: rotation,
  response: { 200: newlyMade },
  refuses: codes(
    'UNKNOWN_AGENT',
    'UNKNOWN_CREDENTIAL',
    'AGENT_DECOMMISSIONED',
    'CREDENTIAL_CHANGED',
    'CREDENTIAL_REVOKED',
    'ALREADY_EXISTS',
    'TOO_MANY_CREDENTIALS',
    'IDEMPOTENCY_KEY_REUSED',
    'VAULT_REFUSED',
    'VAULT_UNAVAILABLE',
  ),
}

export function rotateRoute(app: App, instance: Instance): void {
  const { config, connection } = instance
  const onRequest = requireScope(instance, 'agents:write', { whileFrozen: 'refused' })

  app.post(`${one}/rotate`, { onRequest, schema: rotate }, async (request, reply) => {
    const { expiresAt, overlap, jwk } = request.body ?? {}
    const { agent, credential } = await found(instance, request)
    requireNotDecommissioned(agent)
    // Before a reply is given once more, too: another token of the same caller may be worth less than the one that got it.
    requireMayBecome(request.caller, agent)
    const asked = { expiresAt, overlapMs: overlapOf(overlap) }
    const made = await idempotent(
      instance,
      request,
      'rotate a credential',
      (transaction, version) => rotateCredential(transaction, config, request.caller, credential, version, asked),
      nextVersion(instance, credential, jwk, async () =>
        planRotation(config, credential.keyring, asked, await databaseNow(connection.db)),
      ),
    )
    return noStore(reply).send(made)
  })
}

type Of = Pick<StoredCredential, 'agentId' | 'credentialId' | 'kind'>

/**
 * How the next version of a credential comes about, outside the transaction that saves it.
 *
 * @param requireMay throws when none may; not asked where the reply to an earlier request is given once more
 */
export function nextVersion(
  { secrets, connection }: Instance,
  { agentId, credentialId, kind }: Of,
  jwk: GivenJwk,
  requireMay: () => Promise<unknown>,
): Preparation<Made, NewCredential> {
  return {
    async make() {
      await requireMay()
      const signs = kind === 'client-secret' && (await isSigning(connection.db, agentId))
      return makeVersion(secrets, agentId, credentialId, kind, jwk, signs)
    },
    discard: ({ material }) => secrets.discard(material.publicPart),
    confirm: (done) => requireStillInUse(connection.db, done),
  }
}

export function overlapOf(text: string | undefined): number | undefined {
  try {
    return text === undefined ? undefined : parseDuration(text)
  } catch (cause) {
    throw new IdpError('INVALID_REQUEST', 'overlap is no duration: write for example 24h', { cause })
  }
}

function noStore<Reply extends Pick<FastifyReply, 'header'>>(reply: Reply): Reply {
  reply.header('cache-control', 'no-store')
  return reply
}
