import type { Command } from 'commander'
import { createVerifier, forgetVerifier } from '../client/parties.ts'
import { print, type Shell } from '../shell.ts'
import { managementOf, newCommand, wantsJson } from './command.ts'
import { newGroup } from './group.ts'

/** `rekey verifier …`: the services that verify tokens. */
export function verifierCommand(shell: Shell): Command {
  return newGroup(shell, 'verifier', 'the services that verify tokens', [createCommand, forgetCommand])
}

function createCommand(shell: Shell): Command {
  return newCommand('create', 'register a verifier and print its credential, once')
    .argument('<name>', 'how people and gates will call it')
    .action(async (name: string, _options: object, command: Command) => {
      const created = await createVerifier(managementOf(shell), name)
      const text = `clientId      ${created.clientId}\nclientSecret  ${created.clientSecret}   (shown only now)`
      print(shell, wantsJson(command), { json: created, text })
    })
}

function forgetCommand(shell: Shell): Command {
  return newCommand('forget', 'wait no longer for a verifier process that is gone for good')
    .argument('<id>', 'name and instance, as "rekey status" shows them: api-1/8081')
    .action(async (id: string, _options: object, command: Command) => {
      await forgetVerifier(managementOf(shell), id)
      const text = `${id} is forgotten: no gate waits for it until it renews its lease again.`
      print(shell, wantsJson(command), { json: { id }, text })
    })
}
