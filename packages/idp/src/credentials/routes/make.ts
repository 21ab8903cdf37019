import { randomUUID } from 'node:crypto'
import type { App } from '@rekey/service'
import type { FastifyReply } from 'fastify'
import { agentOf } from '../../agents/agent.ts'
import { requireMayBecome } from '../../agents/grant.ts'
import { requireScope } from '../../http/authorise.ts'
import type { Instance } from '../../instance.ts'
import { codes } from '../../openapi/errors.ts'
import { requireNotDecommissioned } from '../create.ts'
import { createOnce, overlapOf, rotateOnce } from '../next-version.ts'
import { agentParams, credentialParams, idempotencyHeader, newCredential, newlyMade, rotation } from '../schema.ts'
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
  const { connection } = instance
  const onRequest = requireScope(instance, 'agents:write', { whileFrozen: 'refused' })

  app.post(ofAgent, { onRequest, schema: create }, async (request, reply) => {
    const { expiresAt, jwk, kind = jwk ? 'client-key' : 'client-secret' } = request.body ?? {}
    const agent = await agentOf(connection.db, request.caller, request.params.agentId)
    requireNotDecommissioned(agent)
    requireMayBecome(request.caller, agent)
    const of = { agentId: agent.agent_id, credentialId: randomUUID(), kind }
    const made = await createOnce(instance, { request, operation: 'create a credential', jwk }, of, expiresAt)
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
  const onRequest = requireScope(instance, 'agents:write', { whileFrozen: 'refused' })

  app.post(`${one}/rotate`, { onRequest, schema: rotate }, async (request, reply) => {
    const { expiresAt, overlap, jwk } = request.body ?? {}
    const { agent, credential } = await found(instance, request)
    requireNotDecommissioned(agent)
    // Before a reply is given once more, too: another token of the same caller may be worth less than the one that got it.
    requireMayBecome(request.caller, agent)
    const asked = { expiresAt, overlapMs: overlapOf(overlap) }
    const made = await rotateOnce(instance, { request, operation: 'rotate a credential', jwk }, credential, asked)
    return noStore(reply).send(made)
  })
}

function noStore<Reply extends Pick<FastifyReply, 'header'>>(reply: Reply): Reply {
  reply.header('cache-control', 'no-store')
  return reply
}
