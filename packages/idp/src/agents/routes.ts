import { randomUUID } from 'node:crypto'
import { type App, lineOf, nextCursor } from '@rekey/service'
import type { FastifyRequest } from 'fastify'
import type { Transaction } from 'kysely'
import { z } from 'zod'
import type { Made } from '../credentials/make.ts'
import { idempotencyHeader, newlyMade } from '../credentials/schema.ts'
import { type Authorised, requireScope } from '../http/authorise.ts'
import { idempotent, nothingToPrepare } from '../http/idempotency.ts'
import type { Instance } from '../instance.ts'
import { codes } from '../openapi/errors.ts'
import type { IdpTables } from '../tables.ts'
import { type Agent, agentOf, agentStatus, showAgent, shownAgent } from './agent.ts'
import { changeAgent } from './change.ts'
import { createAgent, isElsewhere, requireMayCreate } from './create.ts'
import { changedDescription, type NewAgent, newAgent } from './description.ts'
import { firstCredential } from './first-credential.ts'
import { agentsWanted, listAgents } from './list.ts'

const tags = ['agents']
const params = z.object({ agentId: lineOf(200) })
const reason = lineOf(500).optional().describe('Stands in the audit')
const createdAgent = shownAgent.extend({
  credential: newlyMade
    .optional()
    .describe('With the first agent of another organization, whose first credential it is'),
})
const operation = 'create an agent'
const because = z.strictObject({ reason }).nullish()
const changes = z.strictObject({ ...changedDescription.shape, status: agentStatus.optional(), reason })
const page = z.object({ agents: z.array(shownAgent), nextCursor })

const acts = [
  ['suspend', 'suspended', 'Suspend an agent: it gets no tokens, and those that it has are refused'],
  ['reactivate', 'active', 'Let a suspended agent get tokens again'],
  ['decommission', 'decommissioned', 'Suspend an agent for ever, and revoke its credentials'],
] as const

type Asked = Authorised & Pick<FastifyRequest, 'headers' | 'params'> & { body: NewAgent }

/** The clients that get tokens. A change is answered when every live instance goes by it. */
export function agentRoutes(app: App, instance: Instance): void {
  const { db } = instance.connection
  const { columns } = instance
  const shown = (agent: Agent) => showAgent(agent, columns)
  const read = { onRequest: requireScope(instance, 'agents:read') }
  const write = { onRequest: requireScope(instance, 'agents:write', { whileFrozen: 'refused' }) }
  const shutOut = { onRequest: requireScope(instance, 'agents:write', { whileFrozen: 'allowed' }) }
  const one = '/api/v1/agents/:agentId'
  const response = { 200: shownAgent }
  const refuses = codes('UNKNOWN_AGENT', 'AGENT_DECOMMISSIONED', 'DENY_LIST_FULL')

  const create = {
    tags,
    summary: 'Create an agent',
    headers: idempotencyHeader,
    body: newAgent,
    response: { 201: createdAgent },
    refuses: codes(
      'CREDENTIAL_CHANGED',
      'CREDENTIAL_REVOKED',
      'IDEMPOTENCY_KEY_REUSED',
      'VAULT_REFUSED',
      'VAULT_UNAVAILABLE',
    ),
  }
  app.post('/api/v1/agents', { ...write, schema: create }, async (request, reply) => {
    const { caller, body } = request
    requireMayCreate(caller, body)
    const created = await (isElsewhere(caller, body.organizationId) ? createFirst : createOne)(request)
    return reply.code(201).header('cache-control', 'no-store').send(created)
  })

  function createOne(request: Asked) {
    const act = async (transaction: Transaction<IdpTables>) => {
      const agent = await createAgent(transaction, columns, request.caller, randomUUID(), request.body)
      return { revision: 0, reply: shown(agent) }
    }
    return idempotent(instance, request, operation, act, nothingToPrepare)
  }

  function createFirst(request: Asked) {
    const { caller, body } = request
    const agentId = randomUUID()
    const first = firstCredential(instance, caller, agentId)
    const act = async (transaction: Transaction<IdpTables>, made: Made) => {
      const agent = await createAgent(transaction, columns, caller, agentId, body)
      const { revision, reply } = await first.save(transaction, agent.organization_id, made)
      return { revision, reply: { ...shown(agent), credential: reply } }
    }
    return idempotent(instance, request, operation, act, first)
  }

  const list = {
    tags,
    summary: 'List the agents of your organization',
    querystring: agentsWanted,
    response: { 200: page },
  }
  app.get('/api/v1/agents', { ...read, schema: list }, async ({ caller, query }) => {
    const { rows, nextCursor } = await listAgents(db, columns, caller, query)
    return { agents: rows.map(shown), nextCursor }
  })

  const show = { tags, summary: 'Show an agent', params, response, refuses: codes('UNKNOWN_AGENT') }
  app.get(one, { ...read, schema: show }, async ({ caller, params }) =>
    shown(await agentOf(db, caller, params.agentId)),
  )

  const change = {
    tags,
    summary: 'Change what is said of an agent, its scopes or its status',
    params,
    body: changes,
    response,
    refuses,
  }
  app.patch(one, { ...write, schema: change }, async ({ caller, params, body }) => {
    const { status, reason, ...description } = body
    return shown(await changeAgent(instance, caller, params.agentId, { description, status, reason }))
  })

  for (const [act, status, summary] of acts) {
    const schema = { tags, summary, params, body: because, response, refuses }
    const scope = status === 'suspended' ? shutOut : write
    app.post(`${one}/${act}`, { ...scope, schema }, async ({ caller, params, body }) =>
      shown(await changeAgent(instance, caller, params.agentId, { status, reason: body?.reason })),
    )
  }

  const end = { tags, summary: 'Decommission an agent', params, response: { 204: z.null() }, refuses }
  app.delete(one, { ...write, schema: end }, async ({ caller, params }, reply) => {
    await changeAgent(instance, caller, params.agentId, { status: 'decommissioned' })
    return reply.code(204).send(null)
  })
}
