import type { z } from 'zod'
import { agentOf } from '../../agents/agent.ts'
import { IdpError } from '../../error.ts'
import type { Authorised } from '../../http/authorise.ts'
import type { Instance } from '../../instance.ts'
import type { credentialParams } from '../schema.ts'
import { findStored } from '../stored.ts'

export const tags = ['credentials']
export const ofAgent = '/api/v1/agents/:agentId/credentials'
export const one = `${ofAgent}/:credentialId`

/**
 * The credential that a request names, and its agent.
 *
 * @throws IdpError `UNKNOWN_AGENT`, `FORBIDDEN`, `UNKNOWN_CREDENTIAL`
 */
export async function found(
  { connection: { db } }: Instance,
  { caller, params }: Authorised & { params: z.infer<typeof credentialParams> },
) {
  const agent = await agentOf(db, caller, params.agentId)
  const credential = await findStored(db, params.credentialId)
  if (credential?.agentId === agent.agent_id) return { agent, credential }
  throw new IdpError('UNKNOWN_CREDENTIAL', 'the agent has no such credential')
}
