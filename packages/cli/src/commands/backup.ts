import { resolve } from 'node:path'
import type { BackupManifest } from '@rekey/database'
import type { Command } from 'commander'
import { withDatabases } from '../backup/databases.ts'
import { manifestText } from '../backup/words.ts'
import { print, type Shell } from '../shell.ts'
import { version } from '../software.ts'
import { newCommand, wantsJson } from './command.ts'

/** `rekey backup [FILE]`: the databases of the estate into one file, while it runs. */
export function backupCommand(shell: Shell): Command {
  const command = newCommand(
    'backup',
    'write the databases of the estate into one file, while it runs; no key is in it',
  )
    .argument('[file]', 'replaced when the backup is whole (default: rekey-<time>.backup)')
    .addHelpText(
      'after',
      [
        '',
        'Of the estate in REKEY_HOME, or of the databases that DATABASE_OWNER_URL and BFF_DATABASE_OWNER_URL name (with',
        'DATABASE_URL, BFF_DATABASE_URL). Root keys, revocation journals and audit checkpoints are kept elsewhere: docs/backup.md.',
      ].join('\n'),
    )
    .action(async (file: string | undefined, _options: unknown, command: Command) => {
      const path = resolve(
        shell.folder,
        file ?? `rekey-${new Date(shell.now()).toISOString().replaceAll(':', '')}.backup`,
      )
      const manifest = await take(path, shell)
      print(shell, wantsJson(command), {
        json: { file: path, ...manifest },
        text: `${path}\n${manifestText(manifest)}`,
      })
    })
  command.addCommand(verifyCommand(shell))
  return command
}

function verifyCommand(shell: Shell): Command {
  return newCommand('verify', 'read a backup to its end, and tell what is in it')
    .argument('<file>')
    .action(async (file: string, _options: unknown, command: Command) => {
      const path = resolve(shell.folder, file)
      const { readBackup } = await import('../backup/files.ts')
      const manifest = await readBackup(path)
      const text = `${path} is whole.\n${manifestText(manifest)}`
      print(shell, wantsJson(command), { json: { file: path, ...manifest }, text })
    })
}

async function take(path: string, shell: Shell): Promise<BackupManifest> {
  // Loaded here alone: it would double the time that every other command takes.
  const { writeBackup } = await import('../backup/files.ts')
  return withDatabases(shell, ({ idp, bff }) => {
    const sources = [{ name: 'idp', ownerUrl: idp.ownerUrl }, ...(bff ? [{ name: 'bff', ownerUrl: bff.ownerUrl }] : [])]
    return writeBackup(path, sources, version)
  })
}
