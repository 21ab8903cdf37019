import type { Command } from 'commander'
import { type AgentView, findAgent } from '../../client/agents.ts'
import type { CredentialView } from '../../client/credential.ts'
import { listCredentials } from '../../client/credentials.ts'
import { print, type Shell } from '../../shell.ts'
import { fromNow } from '../../terminal/span.ts'
import { members } from '../../terminal/table.ts'
import { managementOf, newCommand, wantsJson } from '../command.ts'
import { credentialsTable } from '../credential/text.ts'
import { agentArgument } from '../words.ts'

/** `rekey agent show AGENT`: what it is, and its credentials. */
export function showCommand(shell: Shell): Command {
  return newCommand('show', 'show an agent and its credentials')
    .addArgument(agentArgument())
    .action(async (name: string, _options: object, command: Command) => {
      const client = managementOf(shell)
      const agent = await findAgent(client, name)
      const credentials = await listCredentials(client, agent.agentId)
      const text = agentText(agent, credentials, shell.now())
      print(shell, wantsJson(command), { json: { ...agent, credentials }, text })
    })
}

function agentText(agent: AgentView, credentials: readonly CredentialView[], now: number): string {
  const told = members({
    Agent: agent.agentId,
    Name: agent.name,
    Status: agent.status,
    Organization: agent.organizationId,
    Type: agent.agentType,
    Version: agent.version,
    Environment: agent.deploymentEnv,
    Owner: agent.owner,
    'E-mail': agent.email,
    Capabilities: agent.capabilities?.join(' '),
    Scopes: agent.scopes?.join(' '),
    'Does not open': agent.unreadable?.join(' '),
    Created: fromNow(agent.createdAt, now),
  })
  return `${told}\n\nCredentials\n${credentialsTable(credentials, now)}`
}
