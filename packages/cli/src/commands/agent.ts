import { Command } from 'commander'
import { createAgent } from '../client/agents.ts'
import { print, type Shell } from '../shell.ts'
import { managementOf, newCommand, wantsJson } from './command.ts'

/** `rekey agent …`: the clients that get tokens. */
export function agentCommand(shell: Shell): Command {
  return new Command('agent').description('the clients that get tokens').addCommand(createCommand(shell))
}

function createCommand(shell: Shell): Command {
  return newCommand('create', 'register an agent and print its credential, once')
    .argument('<name>', 'how people will call it')
    .action(async (name: string, _options: object, command: Command) => {
      const { clientId, clientSecret, agentId } = await createAgent(managementOf(shell), name)
      const text = `clientId      ${clientId}\nclientSecret  ${clientSecret}   (shown only now)`
      print(shell, wantsJson(command), { json: { clientId, clientSecret, agentId }, text })
    })
}
