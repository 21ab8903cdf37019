import { z } from 'zod'
import { IdpError } from '../error.ts'
import type { App } from '../http/app.ts'
import { requireScope } from '../http/authorise.ts'
import { lineOf } from '../http/text.ts'
import type { Instance } from '../instance.ts'
import { agentOf, createAgent, showAgent } from './agent.ts'
import { createCredential } from './credential.ts'

const text = lineOf(200)
const newAgent = z.object({
  name: text.optional(),
  email: z.email().max(320).optional(),
  agentType: text.optional(),
  version: text.optional(),
  capabilities: z.array(text).max(100).default([]),
  owner: text.optional(),
  deploymentEnv: text.optional(),
})
const params = z.object({ agentId: text })
const newCredential = z.object({ expiresAt: z.iso.datetime({ offset: true }).optional() }).nullish()

/** Agents, each with one credential. */
export function agentRoutes(app: App, instance: Instance): void {
  const { db } = instance.connection
  const read = { onRequest: requireScope(instance, 'agents:read') }
  const write = { onRequest: requireScope(instance, 'agents:write') }

  app.post('/api/v1/agents', { ...write, schema: { body: newAgent } }, async (request, reply) => {
    const agent = await createAgent(db, request.caller, request.body)
    return reply.code(201).send(showAgent(agent))
  })

  app.get('/api/v1/agents/:agentId', { ...read, schema: { params } }, async (request) =>
    showAgent(await agentOf(db, request.caller, request.params.agentId)),
  )

  const credentials = '/api/v1/agents/:agentId/credentials'
  app.post(credentials, { ...write, schema: { params, body: newCredential } }, async (request, reply) => {
    const agent = await agentOf(db, request.caller, request.params.agentId)
    const expiresAt = futureTime(request.body?.expiresAt, await instance.store.now())
    const credential = await createCredential(db, request.caller, agent, expiresAt)
    return reply.code(201).header('cache-control', 'no-store').send(credential)
  })
}

/** @throws IdpError `INVALID_REQUEST` when the time is over already */
function futureTime(text: string | undefined, now: number): Date | undefined {
  if (text === undefined) return undefined
  const time = new Date(text)
  if (time.getTime() <= now) throw new IdpError('INVALID_REQUEST', 'expiresAt is in the past')
  return time
}
