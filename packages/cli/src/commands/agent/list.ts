import { type Command, Option } from 'commander'
import { type AgentView, listAgents } from '../../client/agents.ts'
import { print, type Shell } from '../../shell.ts'
import { span } from '../../terminal/span.ts'
import { table } from '../../terminal/table.ts'
import { managementOf, newCommand, wantsJson } from '../command.ts'
import { defined, limitOption, moreHint } from '../words.ts'

interface ListOptions {
  status?: string
  env?: string
  type?: string
  owner?: string
  limit: number
}

/** `rekey agent list`. */
export function listCommand(shell: Shell): Command {
  return newCommand('list', 'show the agents')
    .addOption(new Option('--status <status>', 'only these').choices(['active', 'suspended', 'decommissioned']))
    .option('--env <name>', 'only those that run there')
    .option('--type <name>', 'only those of this sort')
    .option('--owner <name>', 'only those of this owner')
    .addOption(limitOption())
    .action(async ({ status, env, type, owner, limit }: ListOptions, command: Command) => {
      const filter = defined({ status, deploymentEnv: env, agentType: type, owner })
      const found = await listAgents(managementOf(shell), filter, limit)
      const text = [agentsTable(found.agents, shell.now()), ...moreHint(found.nextCursor, limit)].join('\n')
      print(shell, wantsJson(command), { json: found, text })
    })
}

function agentsTable(agents: readonly AgentView[], now: number): string {
  if (agents.length === 0) return 'There is no such agent.'
  const rows = agents.map((agent) => [
    agent.agentId,
    agent.name ?? '',
    agent.status,
    agent.agentType ?? '',
    agent.deploymentEnv ?? '',
    agent.owner ?? '',
    span(now - Date.parse(agent.createdAt)),
  ])
  return table(['AGENT', 'NAME', 'STATUS', 'TYPE', 'ENV', 'OWNER', 'AGE'], rows)
}
