import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ClientBase } from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { DatabaseError } from '../error.ts'
import { prepareSchema, recordApplied, takeLock } from '../migrations/bookkeeping.ts'
import { label, pendingMigrations } from '../migrations/compare.ts'
import { type Migration, type MigrationSource, readMigrations } from '../migrations/files.ts'
import { migrate, withClient } from '../migrations/migrate.ts'
import { beginCopy, listed, named } from './copy.ts'
import type { BackupHeader, BackupManifest } from './manifest.ts'
import { type BackupPart, readBackup, tooNew, verifyBackup } from './read.ts'
import { emptySchema, readTarget, type TargetBefore } from './target.ts'

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

export interface RestoreOptions {
  /** Replaces a database that holds something. */
  replace?: boolean
  /** How many events of each database's audit somebody outside of it has seen: those that a backup lacks are lost. */
  eventsSeen?: Readonly<Record<string, number>>
}

/** What became of a database. */
export interface Restored {
  name: string
  takenAt: string
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
 * The file is read to its end first. Then each database is made anew in a transaction of its own, at the migrations that the backup
 * has: nobody sees any of it, and whoever is killed leaves what was there. When all are whole they are committed, one right after
 * the other, and migrated to this release. Between two commits a crash leaves one old and one restored: the same command again does
 * the rest, with `replace`.
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
  const manifest = await verifyBackup(path)
  requireAll(manifest, targets)
  const restored = await withTargets(targets, async (open) => {
    await copyAll(path, open, options)
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

interface OpenTarget {
  client: ClientBase
  target: RestoreTarget
  before: TargetBefore
  result?: Omit<Restored, 'migrated'>
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

async function copyAll(path: string, open: readonly OpenTarget[], options: RestoreOptions): Promise<void> {
  // Before anything is touched in any of them.
  for (const { before, target } of open) refuseInUse(before, target.name, options)
  const parts = readBackup(path)
  let at: { open: OpenTarget; header: BackupHeader } | undefined
  for (let next = await parts.next(); !next.done; next = await parts.next()) {
    const part = next.value
    if (part.kind === 'database') {
      if (at) await finish(at.open, at.header, options)
      at = await begin(open, part.header)
    }
    if (part.kind === 'table' && at) await copyTable(at.open.client, at.header, part.name, parts)
    if (part.kind === 'end' && at) await finish(at.open, at.header, options)
  }
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

async function begin(
  all: readonly OpenTarget[],
  header: BackupHeader,
): Promise<{ open: OpenTarget; header: BackupHeader } | undefined> {
  const open = all.find(({ target }) => target.name === header.name)
  if (!open) return undefined
  const { client, target, before } = open
  const wanted = await levelOf(header, target.sources)
  await emptySchema(client)
  const roles = new Set([target.serviceRole ?? 'rekey_service', ...header.serviceRoles, ...before.serviceRoles])
  for (const role of roles) await prepareSchema(client, role)
  for (const migration of wanted) {
    await client.query(migration.sql)
    await recordApplied(client, migration)
  }
  for (const role of roles) await prepareSchema(client, role)
  await stand(client, header, 'DISABLE')
  // What migrations put there themselves.
  await client.query(`TRUNCATE ${listed(header.tables.map(({ name }) => name))}`)
  return { open, header }
}

/** The migrations that the backup was made at, as this release knows them. */
async function levelOf({ migrations, name }: BackupHeader, sources: readonly MigrationSource[]): Promise<Migration[]> {
  const known = await readMigrations(sources)
  const later = migrations.find((applied) => !known.some((one) => isSame(one, applied)))
  if (later) throw tooNew(`The backup of ${name} has migration ${label(later)}, which this release does not know`)
  // Refuses one that has another content now.
  pendingMigrations(known, migrations)
  return known.filter((one) => migrations.some((applied) => isSame(one, applied)))
}

const isSame = (one: { package: string; number: number }, other: { package: string; number: number }): boolean =>
  one.package === other.package && one.number === other.number

/** As their owner may: rows come back as they were, and nothing that watches over writes has a say in that. */
async function stand(client: ClientBase, { tables }: BackupHeader, how: 'DISABLE' | 'ENABLE'): Promise<void> {
  for (const { name } of tables) await client.query(`ALTER TABLE ${named(name)} ${how} TRIGGER USER`)
}

async function copyTable(
  client: ClientBase,
  header: BackupHeader,
  name: string,
  parts: AsyncGenerator<BackupPart>,
): Promise<void> {
  const columns = header.tables.find((table) => table.name === name)?.columns ?? []
  const copying = client.query(copyFrom(`COPY ${named(name)} (${listed(columns)}) FROM STDIN`))
  let rows = 0
  async function* bytes() {
    for (let next = await parts.next(); !next.done; next = await parts.next()) {
      const part = next.value
      if (part.kind === 'rows') yield part.bytes
      if (part.kind !== 'table-end') continue
      rows = part.rows
      return
    }
  }
  await pipeline(Readable.from(bytes()), copying)
  if (copying.rowCount === rows) return
  throw new DatabaseError('BACKUP_DAMAGED', `Of ${rows} rows of ${name} the database took ${copying.rowCount}.`)
}

async function finish(open: OpenTarget, header: BackupHeader, options: RestoreOptions): Promise<void> {
  const { client, target, before } = open
  for (const table of target.ended) {
    if (header.tables.some(({ name }) => name === table)) await client.query(`DELETE FROM ${named(table)}`)
  }
  for (const { table, column, value, isCalled } of header.sequences) {
    const sequence = 'pg_get_serial_sequence(quote_ident($1), $2)::regclass'
    await client.query(`SELECT setval(${sequence}, $3, $4)`, [table, column, value, isCalled])
  }
  await stand(client, header, 'ENABLE')
  const { rows } = await client.query(newEpoch, [before.epoch])
  const lost = lostOf(header, Math.max(before.chained, options.eventsSeen?.[target.name] ?? 0))
  const { name, takenAt, revision } = header
  open.result = { name, takenAt, epoch: rows[0].epoch, revision, lost }
  await client.query(event, [JSON.stringify({ ...open.result, lost: lost ?? null, chained: header.chained })])
}

const newEpoch = `
UPDATE revision SET epoch = greatest(epoch + 1, $1::bigint + 1, extract(epoch FROM clock_timestamp())::bigint) RETURNING epoch`

const event = `
INSERT INTO audit_events (action, outcome, actor, details) VALUES ('database.restored', 'success', 'rekey', $1)`

function lostOf({ chained }: BackupHeader, seen: number): Restored['lost'] {
  return seen > chained ? { from: chained + 1, to: seen } : undefined
}

function migrateOn({ ownerUrl, sources, serviceRole }: RestoreTarget): Promise<string[]> {
  return migrate(ownerUrl, sources, serviceRole === undefined ? {} : { serviceRole })
}
