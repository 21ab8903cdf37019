import type { Command } from 'commander'
import { print, type Shell } from '../../shell.ts'
import { managementOf, newCommand, wantsJson } from '../command.ts'
import { rootKeyTable } from './list.ts'

/** `rekey root-key add`: for the estate in `$REKEY_HOME`. */
export function addCommand(shell: Shell): Command {
  return newCommand('add', 'put a new root key before the old one, for the estate in REKEY_HOME').action(
    async (_options: object, command: Command) => {
      // Loaded here alone: it brings the database.
      const { addKey } = await import('../../root-keys/add.ts')
      const keys = await addKey(managementOf(shell), shell)
      const text = [
        'Every instance holds the new root key and seals by it what is new.',
        'Back it up: what it sealed cannot be opened without it. The old one is still needed while it has sealed something.',
        '',
        rootKeyTable(keys),
      ].join('\n')
      print(shell, wantsJson(command), { json: { keys }, text })
    },
  )
}
