import { type App, nextCursor } from '@rekey/service'
import { z } from 'zod'
import { agentOf } from '../../agents/agent.ts'
import { requireScope } from '../../http/authorise.ts'
import type { Instance } from '../../instance.ts'
import { codes } from '../../openapi/errors.ts'
import { listCredentials } from '../list.ts'
import { overdueCredentials } from '../overdue.ts'
import {
  agentParams,
  credentialParams,
  detailedCredential,
  listQuery,
  overdueCredential,
  overdueQuery,
  shownCredential,
} from '../schema.ts'
import { showCredential, showDetailed } from '../show.ts'
import { found, ofAgent, one, tags } from './found.ts'

const list = {
  tags,
  summary: 'List the credentials of an agent',
  params: agentParams,
  querystring: listQuery,
  response: { 200: z.object({ credentials: z.array(shownCredential), nextCursor }) },
  refuses: codes('UNKNOWN_AGENT'),
}

const show = {
  tags,
  summary: 'Show a credential: its versions, who used which, what is waited for',
  params: credentialParams,
  response: { 200: detailedCredential },
  refuses: codes('UNKNOWN_AGENT', 'UNKNOWN_CREDENTIAL'),
}

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

/** Never a secret, nor the hash of one. */
export function readRoutes(app: App, instance: Instance): void {
  const { config, store } = instance
  const { db } = instance.connection
  const read = { onRequest: requireScope(instance, 'agents:read') }

  app.get(ofAgent, { ...read, schema: list }, async ({ caller, params, query }) => {
    const agent = await agentOf(db, caller, params.agentId)
    const { credentials, nextCursor: next } = await listCredentials(db, agent.agent_id, query)
    const now = await store.now()
    return { credentials: credentials.map((each) => showCredential(each, agent, config, now)), nextCursor: next }
  })

  app.get(one, { ...read, schema: show }, async (request) => {
    const { agent, credential } = await found(instance, request)
    return showDetailed(db, credential, agent, config, await store.now())
  })

  app.get('/api/v1/credentials', { ...read, schema: overdue }, ({ caller, query }) =>
    overdueCredentials(db, config.credentials, caller.organizationId, query),
  )
}
