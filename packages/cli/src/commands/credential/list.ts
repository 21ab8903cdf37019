import { type Command, Option } from 'commander'
import { findAgent } from '../../client/agents.ts'
import { listCredentials } from '../../client/credentials.ts'
import { print, type Shell } from '../../shell.ts'
import { managementOf, newCommand, wantsJson } from '../command.ts'
import { agentArgument } from '../words.ts'
import { credentialsTable } from './text.ts'

/** `rekey credential list AGENT`. */
export function listCommand(shell: Shell): Command {
  return newCommand('list', 'show the credentials of an agent')
    .addArgument(agentArgument())
    .addOption(new Option('--status <status>', 'only these').choices(['active', 'expired', 'revoked']))
    .action(async (name: string, { status }: { status?: string }, command: Command) => {
      const client = managementOf(shell)
      const { agentId } = await findAgent(client, name)
      const credentials = await listCredentials(client, agentId, status)
      print(shell, wantsJson(command), { json: { credentials }, text: credentialsTable(credentials, shell.now()) })
    })
}
