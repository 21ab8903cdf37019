import type { Command } from 'commander'
import { createAgent } from '../../client/agents.ts'
import { print, type Shell } from '../../shell.ts'
import { managementOf, newCommand, wantsJson } from '../command.ts'
import { issuedText } from '../credential/text.ts'
import { defined, repeated } from '../words.ts'

interface CreateOptions {
  env?: string
  type?: string
  owner?: string
  scope?: string[]
}

/** `rekey agent create NAME`. */
export function createCommand(shell: Shell): Command {
  return newCommand('create', 'register an agent and print its credential, once')
    .argument('<name>', 'how people will call it')
    .option('--env <name>', 'where it runs: production, staging … (it decides how often secrets are due for rotation)')
    .option('--type <name>', 'what sort of agent it is')
    .option('--owner <name>', 'who answers for it')
    .option('--scope <scope>', 'a scope that it may have; may be given several times', repeated)
    .action(async (name: string, { env, type, owner, scope }: CreateOptions, command: Command) => {
      const more = defined({ deploymentEnv: env, agentType: type, owner, scopes: scope })
      const json = await createAgent(managementOf(shell), name, more)
      print(shell, wantsJson(command), { json, text: issuedText(json) })
    })
}
