import type { Command } from 'commander'
import { findAgent } from '../../client/agents.ts'
import { revokeCredential } from '../../client/credentials.ts'
import { print, type Shell } from '../../shell.ts'
import { managementOf, newCommand, wantsJson } from '../command.ts'
import { agentArgument, credentialArgument, defined } from '../words.ts'

interface RevokeOptions {
  reason: string
  incident?: string
}

/** `rekey credential revoke AGENT CREDENTIAL`: it is refused at once, everywhere, for ever. */
export function revokeCommand(shell: Shell): Command {
  return newCommand('revoke', 'refuse a credential at once, on every instance, for ever')
    .addArgument(agentArgument())
    .addArgument(credentialArgument())
    .requiredOption('--reason <text>', 'why, for the audit trail')
    .option('--incident <id>', 'the incident that it belongs to')
    .action(async (name: string, id: string, { reason, incident }: RevokeOptions, command: Command) => {
      const client = managementOf(shell, 'agents:read', 'agents:write')
      const { agentId } = await findAgent(client, name)
      const json = await revokeCredential(client, agentId, id, { reason, ...defined({ incident }) })
      const text = `Credential ${id} is revoked: no instance accepts it any more.`
      print(shell, wantsJson(command), { json, text })
    })
}
