import { resolve } from 'node:path'
import type { BackupManifest, Restored, RestoreTarget } from '@rekey/database'
import type { Command } from 'commander'
import { eventsSeenBy, setAside } from '../backup/checkpoints.ts'
import { type Databases, namedDatabases, withIdleDatabases } from '../backup/databases.ts'
import { requireRetained } from '../backup/retention.ts'
import { requireRootKeys } from '../backup/root-keys.ts'
import { manifestText } from '../backup/words.ts'
import { CliError } from '../error.ts'
import { homeOf } from '../estate/home.ts'
import { print, type Shell, tell } from '../shell.ts'
import { newCommand, wantsJson } from './command.ts'

interface RestoreWords {
  yes?: boolean
  replace?: boolean
  pastRetention?: boolean
}

/** `rekey restore FILE`: puts the databases of the estate back as they were. */
export function restoreCommand(shell: Shell): Command {
  return newCommand('restore', 'put the databases of the estate back as they were in a backup; nothing may run')
    .argument('<file>', 'that "rekey backup" wrote')
    .option('--yes', 'do it: without it this only tells what would be done')
    .option('--replace', 'also where the databases hold something: that is lost')
    .option(
      '--past-retention',
      'also one that is older than REKEY_BACKUPS_KEPT: what was revoked before that comes back to life',
    )
    .addHelpText(
      'after',
      '\nSessions and tokens end; what was revoked since stays so by the revocation journal: docs/backup.md.',
    )
    .action(async (file: string, words: RestoreWords, command: Command) => {
      const path = resolve(shell.folder, file)
      // Loaded here alone: it brings the databases and both services.
      const { readBackup } = await import('../backup/files.ts')
      const manifest = await readBackup(path)
      await requireRootKeys(manifest, shell)
      if (words.pastRetention !== true) requireRetained(manifest, shell)
      tell(shell, `${path}: ${manifestText(manifest)}`)
      if (words.yes !== true) {
        const plan = { file: path, ...manifest }
        throw new CliError('WRONG_USE', 'nothing was changed: say --yes to restore this backup', plan)
      }
      const restored = await withIdleDatabases(shell, (databases) => restore(path, manifest, databases, words, shell))
      print(shell, wantsJson(command), {
        json: { file: path, databases: restored },
        text: restored.map(text).join('\n'),
      })
    })
}

/** What became of a database, and of its checkpoints. */
type Done = Restored & { setAside: string[] }

async function restore(
  path: string,
  manifest: BackupManifest,
  databases: Databases,
  { replace = false }: RestoreWords,
  shell: Shell,
): Promise<Done[]> {
  const { restoreBackup } = await import('@rekey/database')
  const targets = await targetsOf(manifest, databases)
  const checkpoints = checkpointsOf(shell)
  const eventsSeen = Object.fromEntries(
    targets.map(({ name }) => [name, checkpoints[name] === undefined ? 0 : eventsSeenBy(checkpoints[name])]),
  )
  const restored = await restoreBackup(path, targets, { manifest, replace, eventsSeen })
  return restored.map((done) => ({ ...done, setAside: asideOf(done, checkpoints, shell) }))
}

async function targetsOf({ databases }: BackupManifest, { idp, bff }: Databases): Promise<RestoreTarget[]> {
  const services = { idp: await import('@rekey/idp'), bff: await import('@rekey/bff') }
  return databases.map(({ name }) => {
    const urls = { idp, bff }[name as 'idp' | 'bff']
    const service = services[name as 'idp' | 'bff']
    if (urls === undefined || service === undefined) {
      throw new CliError('WRONG_USE', `the backup has a database "${name}": say where it belongs by BFF_DATABASE_URL`)
    }
    const serviceRole = decodeURIComponent(new URL(urls.serviceUrl).username)
    return { name, ownerUrl: urls.ownerUrl, sources: service.migrations, ended: service.endedByRestore, serviceRole }
  })
}

/** Those of an estate in a home. Of others nobody here knows where they are. */
function checkpointsOf(shell: Shell): Record<string, string> {
  if (namedDatabases(shell)) return {}
  const home = homeOf(shell.env, shell.folder)
  return { idp: home.auditCheckpoints, bff: home.bff.auditCheckpoints }
}

function asideOf({ name, lost }: Restored, checkpoints: Record<string, string>, shell: Shell): string[] {
  const path = checkpoints[name]
  return lost === undefined || path === undefined ? [] : setAside(path, shell.now())
}

function text({ name, takenAt, epoch, revision, lost, setAside: aside, migrated }: Done): string {
  return [
    `${name}: is as it was at ${takenAt}, in epoch ${epoch} from revision ${revision} on.`,
    ...(lost
      ? [`  Events ${lost.from} to ${lost.to} of its audit are lost. That stands in the audit as database.restored.`]
      : []),
    ...aside.map((file) => `  Keep ${file}: it proves what there was.`),
    ...(migrated.length > 0 ? [`  Migrated to this release: ${migrated.join(', ')}.`] : []),
  ].join('\n')
}
