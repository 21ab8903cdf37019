import type { Credential } from '../estate/document.ts'
import type { ManagementClient } from './management.ts'

/** Registers an agent and gives it its first credential. The secret is in this reply and nowhere else. */
export async function createAgent(client: ManagementClient, name: string): Promise<Credential & { agentId: string }> {
  const failure = `the agent ${name} was not created`
  const { agentId } = await client.call<{ agentId: string }>({
    method: 'POST',
    path: '/agents',
    scope: 'agents:write',
    body: { name },
    failure,
  })
  const { clientId, clientSecret } = await client.call<Credential>({
    method: 'POST',
    path: `/agents/${encodeURIComponent(agentId)}/credentials`,
    scope: 'agents:write',
    body: {},
    failure: `${failure} completely: agent ${agentId} has no credential`,
  })
  return { clientId, clientSecret, agentId }
}
