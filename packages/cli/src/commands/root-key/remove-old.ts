import type { Command } from 'commander'
import { type Of, optionOf } from '../../client/management.ts'
import { listRootKeys, type RootKeyView } from '../../client/root-keys.ts'
import { CliError } from '../../error.ts'
import { changeRootKeys, rootKeyFile } from '../../estate/root-key-file.ts'
import { print, type Shell } from '../../shell.ts'
import { chosen, type Instead, insteadOption, managementOf, newCommand, wantsJson } from '../command.ts'

/** `rekey root-key remove-old`: leaves only the one that seals, once nothing is sealed by another. */
export function removeOldCommand(shell: Shell): Command {
  return newCommand('remove-old', 'leave only the newest root key, when nothing is sealed by another')
    .addOption(insteadOption())
    .action(async ({ bff }: Instead, command: Command) => {
      const { of, around } = chosen(bff, shell)
      const path = rootKeyFile(around, of)
      const keys = await listRootKeys(managementOf(around), of)
      requireUnneeded(keys)
      const removed = keys.filter(({ sealing }) => !sealing).map(({ id }) => id)
      const { removeRootKeys, rootKeyIds } = await import('@rekey/database')
      changeRootKeys(path, (text) => {
        requireSame(rootKeyIds(text), keys, of)
        return removed.length === 0 ? text : removeRootKeys(text, removed)
      })
      const text =
        removed.length === 0
          ? 'There is one root key only.'
          : `Removed: ${removed.join(', ')}. Backups of the database from before still need it.`
      print(shell, wantsJson(command), { json: { removed }, text })
    })
}

/** What was asked about is what is removed: the file may have been changed since. */
function requireSame(ids: readonly string[], keys: readonly RootKeyView[], of: Of): void {
  if (String(ids.toSorted()) === String(keys.map(({ id }) => id).toSorted())) return
  const holder = of === 'bff' ? 'the backend for frontend' : 'the IdP'
  throw new CliError(
    'REFUSED',
    `the root keys in the file are not those that ${holder} holds: it was changed a moment ago, or ${holder} reads another file. ` +
      `Nothing was removed; see "rekey root-key list${optionOf(of)}", and try again`,
  )
}

function requireUnneeded(keys: readonly RootKeyView[]): void {
  const [newest, ...older] = keys
  if (!newest?.sealing || !newest.heldByAll) {
    throw new CliError('REFUSED', 'the newest root key is not held by every instance yet: the old one still seals')
  }
  const needed = older.filter(({ sealed }) => sealed > 0)
  if (needed.length === 0) return
  const told = needed.map(({ id, sealed }) => `${id} has sealed ${sealed}`).join(', ')
  throw new CliError(
    'REFUSED',
    `an old root key is still needed: ${told}. Nothing was removed. Some of it is needed for a minute only`,
    { needed },
  )
}
