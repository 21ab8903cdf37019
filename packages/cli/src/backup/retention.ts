import { type BackupManifest, usuallyKeptMs } from '@rekey/database'
import { formatDuration, parseDuration } from '@rekey/keyring'
import { CliError } from '../error.ts'
import type { Shell } from '../shell.ts'

const variable = 'REKEY_BACKUPS_KEPT'

/**
 * Is it remembered still what was revoked since a backup? Instances keep their journal, and the keys that backups need, for so
 * long and no longer.
 *
 * @throws CliError `BACKUP_OLD` when it is not; `WRONG_USE` for a variable that is no duration
 */
export function requireRetained({ databases }: BackupManifest, { env, now }: Pick<Shell, 'env' | 'now'>): void {
  const keptMs = keptFor(env[variable])
  const old = databases.find(({ goesBackTo }) => Date.parse(goesBackTo) < now() - keptMs)
  if (!old) return
  const { name, goesBackTo } = old
  const what = `the backup of ${name} is as of ${goesBackTo}, and the journal remembers what was revoked for ${formatDuration(keptMs)} (${variable})`
  throw new CliError(
    'BACKUP_OLD',
    `${what}: use a newer one, or say --past-retention and revoke by hand what must stay dead. Nothing was changed`,
    { database: name, goesBackTo },
  )
}

function keptFor(text: string | undefined): number {
  if (!text) return usuallyKeptMs
  try {
    return parseDuration(text)
  } catch (cause) {
    throw new CliError('WRONG_USE', `${variable} is no duration`, { variable }, { cause })
  }
}
