import type { Command } from 'commander'
import { removeClient } from '../../../client/registration/clients.ts'
import { print, type Shell } from '../../../shell.ts'
import { managementOf, newCommand, wantsJson } from '../../command.ts'
import { clientArgument } from '../../words.ts'

/** `rekey dcr client remove CLIENT`. */
export function removeCommand(shell: Shell): Command {
  return newCommand('remove', 'end a client for good: its registration, its credentials, and what it was issued')
    .addArgument(clientArgument())
    .action(async (id: string, _options: object, command: Command) => {
      await removeClient(managementOf(shell), id)
      const text = `Client ${id} is removed: its credentials get nothing, and what it was issued is refused everywhere.`
      print(shell, wantsJson(command), { json: { client_id: id, removed: true }, text })
    })
}
