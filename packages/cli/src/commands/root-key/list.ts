import type { Command } from 'commander'
import { listRootKeys, type RootKeyView } from '../../client/root-keys.ts'
import { print, type Shell } from '../../shell.ts'
import { table } from '../../terminal/table.ts'
import { chosen, type Instead, insteadOption, managementOf, newCommand, wantsJson } from '../command.ts'

/** `rekey root-key list`: by its id, which says nothing about the key. */
export function listCommand(shell: Shell): Command {
  return newCommand('list', 'show the root keys by their ids, and what each has sealed')
    .addOption(insteadOption())
    .action(async ({ bff }: Instead, command: Command) => {
      const { of, around } = chosen(bff, shell)
      const keys = await listRootKeys(managementOf(around), of)
      print(shell, wantsJson(command), { json: { keys }, text: rootKeyTable(keys) })
    })
}

/** The keys, newest first. */
export function rootKeyTable(keys: readonly RootKeyView[]): string {
  const rows = keys.map(({ id, sealing, heldByAll, sealed }) => [
    id,
    sealing ? 'seals what is new' : 'only opens',
    heldByAll ? 'every instance' : 'not every instance',
    String(sealed),
  ])
  return table(['ROOT KEY', 'USE', 'HELD BY', 'SEALED'], rows)
}
