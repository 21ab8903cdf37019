import type { Command } from 'commander'
import { print, type Shell } from '../../shell.ts'
import { chosen, type Instead, insteadOption, managementOf, newCommand, wantsJson } from '../command.ts'
import { rootKeyTable } from './list.ts'
import { type Sourced, sourceOption } from './source.ts'

/** `rekey root-key add`: for the estate in `$REKEY_HOME`, or where `--source` says. */
export function addCommand(shell: Shell): Command {
  return newCommand('add', 'put a new root key before the old one, for the estate in REKEY_HOME')
    .addOption(insteadOption())
    .addOption(sourceOption())
    .action(async ({ bff, source }: Instead & Sourced, command: Command) => {
      const { of, around } = chosen(bff, shell)
      // Loaded here alone: it brings the database.
      const { addKey } = await import('../../root-keys/add.ts')
      const { rootKeyPlace } = await import('../../root-keys/place.ts')
      const place = rootKeyPlace(around, of, source)
      const interrupted = { ...around, interruption: () => shell.interruption() }
      const keys = await addKey(managementOf(around), interrupted, of, place)
      const text = [
        'Every instance holds the new root key and seals by it what is new.',
        'Back it up: what it sealed cannot be opened without it. The old one is still needed while it has sealed something.',
        '',
        rootKeyTable(keys),
      ].join('\n')
      print(shell, wantsJson(command), { json: { keys }, text })
    })
}
