import type { Command } from 'commander'
import { changeAgent, findAgent } from '../../client/agents.ts'
import { print, type Shell } from '../../shell.ts'
import { printable } from '../../terminal/printable.ts'
import { managementOf, newCommand, wantsJson } from '../command.ts'
import { agentArgument } from '../words.ts'

const changes = [
  {
    name: 'suspend',
    description: 'refuse an agent, and everything that it was issued before, until it is reactivated',
    done: 'is suspended: its credentials get nothing, and what it was issued before is refused everywhere.',
  },
  {
    name: 'reactivate',
    description: 'let a suspended agent work again',
    done: 'is active again. What it was issued before it was suspended stays refused.',
  },
  {
    name: 'decommission',
    description: 'end an agent for good: its credentials are revoked, and there is no way back',
    done: 'is decommissioned: its credentials are revoked, and what it was issued before is refused everywhere.',
  },
] as const

/** `rekey agent suspend | reactivate | decommission AGENT`. */
export function changeCommands(shell: Shell): Command[] {
  return changes.map(({ name: change, description, done }) =>
    newCommand(change, description)
      .addArgument(agentArgument())
      .option('--reason <text>', 'why, for the audit trail')
      .action(async (name: string, { reason }: { reason?: string }, command: Command) => {
        const client = managementOf(shell, 'agents:read', 'agents:write')
        const agent = await findAgent(client, name)
        const json = await changeAgent(client, agent, change, reason)
        const text = `${printable(agent.name ?? agent.agentId)} ${done}`
        print(shell, wantsJson(command), { json, text })
      }),
  )
}
