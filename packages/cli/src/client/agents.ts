import { CliError } from '../error.ts'
import type { Credential } from '../estate/document.ts'
import { createCredential } from './credentials.ts'
import { scopesToGive } from './granting.ts'
import { confirmedWithinMs, type ManagementClient } from './management.ts'
import { readPages } from './pages.ts'

/** An agent as the API tells it. Times are ISO 8601. */
export interface AgentView {
  agentId: string
  organizationId: string
  status: 'active' | 'suspended' | 'decommissioned'
  createdAt: string
  name?: string
  email?: string
  agentType?: string
  version?: string
  capabilities?: string[]
  owner?: string
  deploymentEnv?: string
  scopes?: string[]
  /** What is stored of it and does not open. */
  unreadable?: string[]
}

/** What a new agent is, and may have. */
export type NewAgent = Pick<AgentView, 'name' | 'agentType' | 'owner' | 'deploymentEnv' | 'scopes'>

/** Which agents to list. */
export type AgentFilter = Partial<Record<'status' | 'owner' | 'agentType' | 'deploymentEnv' | 'name', string>>

type Change = 'suspend' | 'reactivate' | 'decommission'

/** Registers an agent and gives it its first credential. The secret is in this reply and nowhere else. */
export async function createAgent(
  client: ManagementClient,
  name: string,
  more: Omit<NewAgent, 'name'> = {},
): Promise<Credential & { agentId: string }> {
  const failure = `the agent ${name} was not created`
  const { agentId } = await client.call<AgentView>({
    method: 'POST',
    path: '/agents',
    scope: scopesToGive(more.scopes),
    body: { name, ...more },
    failure,
    once: true,
    replyWithinMs: confirmedWithinMs,
  })
  const incomplete = `${failure} completely: agent ${agentId} has no credential`
  const { clientId, clientSecret = '' } = await createCredential(client, { agentId, ...more }, {}, incomplete)
  return { clientId, clientSecret, agentId }
}

/** The agents of the caller's organization that fit, oldest first, at most so many. */
export async function listAgents(client: ManagementClient, filter: AgentFilter, limit: number) {
  const failure = 'the agents cannot be read'
  const listing = { path: '/agents', scope: 'agents:read', query: filter, failure, limit } as const
  const { entries, nextCursor } = await readPages(
    client,
    listing,
    (reply: { agents: AgentView[]; nextCursor: string | null }) => reply.agents,
  )
  return { agents: entries, nextCursor }
}

/** Suspends an agent, lets it work again, or ends it for good. Everything that it was issued before is refused at once. */
export async function changeAgent(client: ManagementClient, agent: AgentView, change: Change, reason?: string) {
  return await client.call<AgentView>({
    method: 'POST',
    path: `/agents/${encodeURIComponent(agent.agentId)}/${change}`,
    scope: 'agents:write',
    body: reason === undefined ? {} : { reason },
    failure: `agent ${agent.agentId} is not ${done[change]}`,
    repeatable: true,
    replyWithinMs: confirmedWithinMs,
  })
}

const done: Readonly<Record<Change, string>> = {
  suspend: 'suspended',
  reactivate: 'active again',
  decommission: 'decommissioned',
}

/**
 * The agent that a person means by its id, or by its name if only one has it. One that is decommissioned is meant by its name
 * only as long as no other has it.
 *
 * @throws CliError `FAILED` when there is none, `WRONG_USE` when several have the name
 */
export async function findAgent(client: ManagementClient, idOrName: string): Promise<AgentView> {
  const byId = await agentById(client, idOrName)
  if (byId) return byId
  const found = (await listAgents(client, { name: idOrName }, Number.POSITIVE_INFINITY)).agents
  // The server may look for names in its own way.
  const named = found.filter(({ name }) => name === idOrName)
  const living = named.filter(({ status }) => status !== 'decommissioned')
  const meant = living.length > 0 ? living : named
  if (meant.length > 1) throw ambiguous(idOrName, meant)
  if (meant[0]) return meant[0]
  throw new CliError('FAILED', `no agent has the id or the name ${idOrName}; "rekey agent list" shows them`, {
    code: 'UNKNOWN_AGENT',
  })
}

async function agentById(client: ManagementClient, id: string): Promise<AgentView | undefined> {
  // A path cannot say these: "agents/.." is the folder above.
  if (/^\.{0,2}$/.test(id)) return undefined
  try {
    return await client.call<AgentView>({
      method: 'GET',
      path: `/agents/${encodeURIComponent(id)}`,
      scope: 'agents:read',
      failure: `agent ${id} cannot be read`,
    })
  } catch (error) {
    // 400: too long for an id, which says nothing against it as a name.
    if (error instanceof CliError && [400, 404].includes(error.facts.status as number)) return undefined
    throw error
  }
}

function ambiguous(name: string, agents: readonly AgentView[]): CliError {
  const ids = agents.map(({ agentId }) => agentId)
  const message = [`${agents.length} agents have the name ${name}. Say which one by its id:`, ...ids].join('\n  ')
  return new CliError('WRONG_USE', message, { code: 'AMBIGUOUS_NAME', agentIds: ids })
}
