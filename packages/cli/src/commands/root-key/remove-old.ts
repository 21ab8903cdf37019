import type { Command } from 'commander'
import { type Of, optionOf } from '../../client/management.ts'
import { listRootKeys, type RootKeyView } from '../../client/root-keys.ts'
import { CliError } from '../../error.ts'
import { print, type Shell } from '../../shell.ts'
import { chosen, type Instead, insteadOption, managementOf, newCommand, wantsJson } from '../command.ts'
import { type Sourced, sourceOption } from './source.ts'

/** `rekey root-key remove-old`: leaves only the one that seals, once nothing is sealed by another. */
export function removeOldCommand(shell: Shell): Command {
  return newCommand('remove-old', 'leave only the newest root key, when nothing is sealed by another')
    .addOption(insteadOption())
    .addOption(sourceOption())
    .action(async ({ bff, source }: Instead & Sourced, command: Command) => {
      const { of, around } = chosen(bff, shell)
      // Loaded here alone: it brings the database.
      const { rootKeyPlace } = await import('../../root-keys/place.ts')
      const place = rootKeyPlace(around, of, source)
      const keys = await listRootKeys(managementOf(around), of)
      requireUnneeded(keys)
      const removed = keys.filter(({ sealing }) => !sealing).map(({ id }) => id)
      await place.remove(removed, (ids) => requireSame(ids, keys, of))
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
    `the root keys there are not those that ${holder} holds: they were changed a moment ago, or ${holder} reads another place. ` +
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
