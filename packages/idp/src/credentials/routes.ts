import { randomUUID } from 'node:crypto'
import { parseDuration } from '@rekey/keyring'
import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { type Agent, agentOf } from '../agents/agent.ts'
import { IdpError } from '../error.ts'
import type { App } from '../http/app.ts'
import { type Authorised, requireScope } from '../http/authorise.ts'
import { idempotent } from '../http/idempotency.ts'
import { nextCursor } from '../http/page.ts'
import type { Instance } from '../instance.ts'
import { createCredential, requireNotDecommissioned } from './create.ts'
import { listCredentials } from './list.ts'
import { type GivenJwk, type Made, makeVersion } from './make.ts'
import { overdueCredentials } from './overdue.ts'
import { endTokens, revokeCredential } from './revoke.ts'
import { requireOpen, rotateCredential } from './rotate.ts'
import {
  agentParams,
  credentialParams,
  detailedCredential,
  idempotencyHeader,
  listQuery,
  newCredential,
  newlyMade,
  overdueCredential,
  overdueQuery,
  revocation,
  rotation,
  shownCredential,
} from './schema.ts'
import { showCredential, showDetailed } from './show.ts'
import { findStored, type StoredCredential } from './stored.ts'

const tags = ['credentials']
const all = '/api/v1/agents/:agentId/credentials'
const one = `${all}/:credentialId`

/** What agents authenticate by. A change is answered when every live instance goes by it. */
export function credentialRoutes(app: App, instance: Instance): void {
  const { config, secrets, store, view } = instance
  const { db } = instance.connection
  const read = { onRequest: requireScope(instance, 'agents:read') }
  const write = { onRequest: requireScope(instance, 'agents:write') }

  /** @throws IdpError `UNKNOWN_AGENT`, `FORBIDDEN`, `UNKNOWN_CREDENTIAL` */
  async function found({ caller }: Authorised, params: z.infer<typeof credentialParams>) {
    const agent = await agentOf(db, caller, params.agentId)
    const credential = await findStored(db, params.credentialId)
    if (credential?.agentId === agent.agent_id) return { agent, credential }
    throw new IdpError('UNKNOWN_CREDENTIAL', 'the agent has no such credential')
  }

  /** How the next version of a credential comes about, outside the transaction that saves it. */
  function preparing({ agentId, credentialId, keyring }: Of, jwk: GivenJwk) {
    return {
      make: () => makeVersion(secrets, agentId, credentialId, keyring, jwk),
      discard: ({ material }: Made) => secrets.discard(material.publicPart),
    }
  }

  const create = {
    tags,
    summary: 'Create a credential. Its secret is in the reply, and never shown again',
    params: agentParams,
    headers: idempotencyHeader,
    body: newCredential,
    response: { 201: newlyMade },
  }
  app.post(all, { ...write, schema: create }, async (request, reply) => {
    const { expiresAt, jwk, kind = jwk ? 'client-key' : 'client-secret' } = request.body ?? {}
    const agent = await agentOf(db, request.caller, request.params.agentId)
    requireNotDecommissioned(agent)
    const of = { agentId: agent.agent_id, credentialId: randomUUID(), kind, keyring: { kind, versions: [] } }
    const made = await idempotent(
      instance,
      request,
      'create a credential',
      (transaction, version) => createCredential(transaction, config, request.caller, of, version, expiresAt),
      preparing(of, jwk),
    )
    return noStore(reply).code(201).send(made)
  })

  const list = {
    tags,
    summary: 'List the credentials of an agent',
    params: agentParams,
    querystring: listQuery,
    response: { 200: z.object({ credentials: z.array(shownCredential), nextCursor }) },
  }
  app.get(all, { ...read, schema: list }, async ({ caller, params, query }) => {
    const agent = await agentOf(db, caller, params.agentId)
    const { credentials, nextCursor: next } = await listCredentials(db, agent.agent_id, query)
    const now = await store.now()
    return { credentials: credentials.map((each) => showCredential(each, agent, config, now)), nextCursor: next }
  })

  const show = {
    tags,
    summary: 'Show a credential: its versions, who used which, what is waited for',
    params: credentialParams,
    response: { 200: detailedCredential },
  }
  app.get(one, { ...read, schema: show }, async (request) => {
    const { agent, credential } = await found(request, request.params)
    return showDetailed(db, credential, agent, config, await store.now())
  })

  const rotate = {
    tags,
    summary: 'Rotate a credential. The new secret is in the reply, and never shown again',
    params: credentialParams,
    headers: idempotencyHeader,
    body: rotation,
    response: { 200: newlyMade },
  }
  app.post(`${one}/rotate`, { ...write, schema: rotate }, async (request, reply) => {
    const { expiresAt, overlap, jwk } = request.body ?? {}
    const { agent, credential } = await found(request, request.params)
    requireNotDecommissioned(agent)
    const asked = { expiresAt, overlapMs: overlapOf(overlap) }
    const { make, discard } = preparing(credential, jwk)
    const made = await idempotent(
      instance,
      request,
      'rotate a credential',
      (transaction, version) => rotateCredential(transaction, config, request.caller, credential, version, asked),
      {
        make: () => {
          requireOpen(credential.keyring)
          return make()
        },
        discard,
      },
    )
    return noStore(reply).send(made)
  })

  async function revoke(agent: Agent, { credentialId }: StoredCredential, cause: Cause, { caller }: Authorised) {
    const by = { actor: caller.clientId, ...cause }
    const revoked = await db
      .transaction()
      .execute((transaction) => revokeCredential(transaction, credentialId, agent.organization_id, by))
    await view.everywhere(revoked.keyring.revision)
    // An instance that did not know it yet may have issued another one meanwhile.
    await endTokens(db, revoked)
    return revoked
  }

  const end = {
    tags,
    summary: 'Revoke a credential with all its versions',
    params: credentialParams,
    body: revocation,
    response: { 200: shownCredential },
  }
  app.post(`${one}/revoke`, { ...write, schema: end }, async (request) => {
    const { agent, credential } = await found(request, request.params)
    const revoked = await revoke(agent, credential, request.body, request)
    return showCredential(revoked, agent, config, await store.now())
  })

  const remove = {
    tags,
    summary: 'Revoke a credential with all its versions',
    params: credentialParams,
    response: { 204: z.null() },
  }
  app.delete(one, { ...write, schema: remove }, async (request, reply) => {
    const { agent, credential } = await found(request, request.params)
    await revoke(agent, credential, { reason: 'deleted' }, request)
    return reply.code(204).send(null)
  })

  const overdue = {
    tags,
    summary: 'List the credentials of your organization that are due for rotation',
    querystring: overdueQuery,
    response: {
      200: z.object({
        credentials: z.array(overdueCredential),
        nextCursor,
        total: z.number().describe('Of all pages; counted up to 10000'),
      }),
    },
  }
  app.get('/api/v1/credentials', { ...read, schema: overdue }, ({ caller, query }) =>
    overdueCredentials(db, config.credentials, caller.organizationId, query),
  )
}

type Of = Pick<StoredCredential, 'agentId' | 'credentialId'> & {
  keyring: Pick<StoredCredential['keyring'], 'kind' | 'versions'>
}
type Cause = z.infer<typeof revocation>

function overlapOf(text: string | undefined): number | undefined {
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
