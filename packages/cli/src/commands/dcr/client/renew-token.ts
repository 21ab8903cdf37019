import type { Command } from 'commander'
import { issueRegistrationToken } from '../../../client/registration/clients.ts'
import { print, type Shell, tell } from '../../../shell.ts'
import { managementOf, newCommand, wantsJson } from '../../command.ts'
import { clientArgument } from '../../words.ts'

/** `rekey dcr client renew-token CLIENT`. */
export function renewTokenCommand(shell: Shell): Command {
  return newCommand('renew-token', 'give a client that lost it another registration access token and print it, once')
    .addArgument(clientArgument())
    .action(async (id: string, _options: object, command: Command) => {
      const json = await issueRegistrationToken(managementOf(shell), id)
      print(shell, wantsJson(command), { json, text: json.registration_access_token })
      tell(shell, `The ones before it are dead. It is for ${json.registration_client_uri}, and shown only now.`)
    })
}
