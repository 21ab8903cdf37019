import type { Command } from 'commander'
import { revokeInitialAccessToken } from '../../../client/registration/initial-access-tokens.ts'
import { print, type Shell } from '../../../shell.ts'
import { managementOf, newCommand, wantsJson } from '../../command.ts'
import { idPart } from '../../words.ts'

/** `rekey dcr token revoke TOKEN`. */
export function revokeCommand(shell: Shell): Command {
  return newCommand('revoke', 'refuse an initial access token from now on; what was registered by it stays')
    .argument('<token>', 'id of the token, as "rekey dcr token list" shows it', idPart)
    .action(async (id: string, _options: object, command: Command) => {
      await revokeInitialAccessToken(managementOf(shell), id)
      const text = `Initial access token ${id} is revoked: nobody registers by it any more.`
      print(shell, wantsJson(command), { json: { id, revoked: true }, text })
    })
}
