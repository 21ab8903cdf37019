import { DatabaseError } from '../error.ts'
import { takeLock } from '../migrations/bookkeeping.ts'
import type { MigrationSource } from '../migrations/files.ts'
import { migrate, withClient } from '../migrations/migrate.ts'
import { beginCopy } from './copy.ts'
import type { BackupManifest } from './manifest.ts'
import { readBackup, verifyBackup } from './read.ts'
import { beginDatabase, fillTable, finishDatabase, type OpenTarget, type Restoring } from './rebuild.ts'
import { readTarget, type TargetBefore } from './target.ts'

/** A database that is put in the place of one in a backup. */
export interface RestoreTarget {
  /** That of the database in the backup. */
  name: string
  ownerUrl: string
  /** Of the service that this is the database of. */
  sources: readonly MigrationSource[]
  /** That the tables are opened to, beside those that the backup and the database name. */
  serviceRole?: string
  /** Tables of what ends with a restore: nobody can tell which of it was ended since the backup. */
  ended: readonly string[]
}

/** What a restore may replace, and what it is held against. */
export interface RestoreOptions {
  /** What {@link verifyBackup} said of the file: it is read to its end first where nobody has done that. */
  manifest?: BackupManifest
  /** Replaces a database that holds something. */
  replace?: boolean
  /** How many events of each database's audit somebody outside of it has seen: those that a backup lacks are lost. */
  eventsSeen?: Readonly<Record<string, number>>
}

/** What became of a database. */
export interface Restored {
  name: string
  takenAt: string
  /** Of what was revoked since then the backup knows nothing. */
  goesBackTo: string
  epoch: number
  revision: number
  /** Events of the audit that are known to have been, and are not in the backup. */
  lost: { from: number; to: number } | undefined
  /** Migrations that brought it from the release of the backup to this one. */
  migrated: readonly string[]
}

/**
 * Puts databases back as they were in a backup.
 *
 * The file is read to its end first, and has to be the same one when it is read again. Then each database is made anew in a
 * transaction of its own, at the migrations that the backup has: nobody sees any of it, and whoever is killed leaves what was there.
 * When all are whole they are committed, one right after the other, and migrated to this release. Between two commits a crash leaves
 * one old and one restored: the same command again does the rest, with `replace`.
 *
 * A restored database begins a new epoch, ahead of any that the one before it had, so that instances and verifiers which saw more
 * than it has take what is there now.
 *
 * @throws DatabaseError `BACKUP_FOREIGN`, `BACKUP_DAMAGED`, `BACKUP_TOO_NEW`, `BACKUP_INCOMPLETE`, `INSTANCES_LIVE`,
 *   `DATABASE_NOT_EMPTY`, `DATABASE_FOREIGN`, and those of connections and migrations
 */
export async function restoreBackup(
  path: string,
  targets: readonly RestoreTarget[],
  options: RestoreOptions = {},
): Promise<Restored[]> {
  const manifest = options.manifest ?? (await verifyBackup(path))
  requireAll(manifest, targets)
  const restored = await withTargets(targets, async (open) => {
    await copyAll(path, manifest, open, options)
    for (const { client } of open) await client.query('COMMIT')
    return open.map(({ result }) => result as Omit<Restored, 'migrated'>)
  })
  const done: Restored[] = []
  for (const [index, target] of targets.entries()) {
    const result = restored[index]
    if (result) done.push({ ...result, migrated: await migrateOn(target) })
  }
  return done
}

function requireAll({ databases }: BackupManifest, targets: readonly RestoreTarget[]): void {
  const missing = targets.find(({ name }) => !databases.some((database) => database.name === name))
  if (!missing) return
  const names = databases.map(({ name }) => name).join(', ')
  throw new DatabaseError('BACKUP_INCOMPLETE', `The backup has no database "${missing.name}". It has: ${names}.`, {
    facts: { database: missing.name },
  })
}

/** Connected, each in a transaction that holds the lock of migrations. What is not committed when this ends never was. */
function withTargets<T>(
  [target, ...others]: readonly RestoreTarget[],
  act: (open: OpenTarget[]) => Promise<T>,
  before: OpenTarget[] = [],
): Promise<T> {
  if (!target) return act(before)
  return withClient(target.ownerUrl, async (client) => {
    await beginCopy(client, 'READ COMMITTED')
    await takeLock(client)
    return withTargets(others, act, [...before, { client, target, before: await readTarget(client, target.name) }])
  })
}

async function copyAll(
  path: string,
  manifest: BackupManifest,
  open: readonly OpenTarget[],
  options: RestoreOptions,
): Promise<void> {
  // Before anything is touched in any of them.
  for (const { before, target } of open) refuseInUse(before, target.name, options)
  const parts = readBackup(path)
  let at: Restoring | undefined
  for (let next = await parts.next(); !next.done; next = await parts.next()) {
    const part = next.value
    if (part.kind === 'database') {
      if (at) await finishDatabase(at, options)
      const target = open.find((each) => each.target.name === part.header.name)
      at = target && { target, header: part.header }
      if (at) await beginDatabase(at)
    }
    if (part.kind === 'table' && at) await fillTable(at, part.name, parts)
    if (part.kind === 'end') {
      requireSame(path, part.manifest, manifest)
      if (at) await finishDatabase(at, options)
    }
  }
}

/** A backup may be replaced by another one at any time, also between two looks. */
function requireSame(path: string, read: BackupManifest, seen: BackupManifest): void {
  if (JSON.stringify(read) === JSON.stringify(seen)) return
  const message = `The backup ${path} was replaced while it was restored: nothing was changed. Restore it again.`
  throw new DatabaseError('BACKUP_DAMAGED', message, { facts: { path } })
}

function refuseInUse({ live, hasRows }: TargetBefore, name: string, { replace = false }: RestoreOptions): void {
  if (live > 0) {
    const message = `${live} instance(s) of ${name} hold a lease on the database: stop them first; a lease ends within 5 s.`
    throw new DatabaseError('INSTANCES_LIVE', message, { facts: { database: name, live } })
  }
  if (!hasRows || replace) return
  const message = `The database of ${name} is not empty. Back it up, then restore with --replace: what is in it is lost.`
  throw new DatabaseError('DATABASE_NOT_EMPTY', message, { facts: { database: name } })
}

function migrateOn({ ownerUrl, sources, serviceRole }: RestoreTarget): Promise<string[]> {
  return migrate(ownerUrl, sources, serviceRole === undefined ? {} : { serviceRole })
}
