/** One database made anew of its part in a backup, within the transaction of its target. */
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ClientBase } from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { DatabaseError } from '../error.ts'
import { prepareSchema, recordApplied } from '../migrations/bookkeeping.ts'
import { label, pendingMigrations } from '../migrations/compare.ts'
import { type Migration, type MigrationSource, readMigrations } from '../migrations/files.ts'
import { listed, named } from './copy.ts'
import type { BackupHeader } from './manifest.ts'
import { type BackupPart, tooNew } from './read.ts'
import type { Restored, RestoreOptions, RestoreTarget } from './restore.ts'
import { emptySchema, type TargetBefore } from './target.ts'

/** A target while it is restored: connected, in a transaction. */
export interface OpenTarget {
  client: ClientBase
  target: RestoreTarget
  before: TargetBefore
  /** What became of it; there when its part of the backup was read to its end. */
  result?: Omit<Restored, 'migrated'>
}

/** A target, and the part of the backup that it is made anew of. */
export interface Restoring {
  target: OpenTarget
  header: BackupHeader
}

/**
 * Makes the schema anew, at the migrations that the backup has; no table has a row then.
 *
 * @throws DatabaseError `BACKUP_TOO_NEW`, `MIGRATION_CHANGED`
 */
export async function beginDatabase({ target: { client, target, before }, header }: Restoring): Promise<void> {
  const wanted = await levelOf(header, target.sources)
  await emptySchema(client)
  const roles = new Set([target.serviceRole ?? 'rekey_service', ...header.serviceRoles, ...before.serviceRoles])
  for (const role of roles) await prepareSchema(client, role)
  for (const migration of wanted) {
    await client.query(migration.sql)
    await recordApplied(client, migration)
  }
  for (const role of roles) await prepareSchema(client, role)
  await setTriggers(client, header, 'DISABLE')
  // What migrations put there themselves.
  await client.query(`TRUNCATE ${listed(header.tables.map(({ name }) => name))}`)
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
async function setTriggers(client: ClientBase, { tables }: BackupHeader, how: 'DISABLE' | 'ENABLE'): Promise<void> {
  for (const { name } of tables) await client.query(`ALTER TABLE ${named(name)} ${how} TRIGGER USER`)
}

/**
 * Copies the rows of a table, which are the next parts of the backup.
 *
 * @throws DatabaseError `BACKUP_DAMAGED`
 */
export async function fillTable(
  { target: { client }, header }: Restoring,
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

/** Ends what ends with a restore, begins a new epoch, and records that it was restored. */
export async function finishDatabase({ target: open, header }: Restoring, options: RestoreOptions): Promise<void> {
  const { client, target, before } = open
  for (const table of target.ended) {
    if (header.tables.some(({ name }) => name === table)) await client.query(`DELETE FROM ${named(table)}`)
  }
  await setSequences(client, header)
  await setTriggers(client, header, 'ENABLE')
  const { rows } = await client.query(newEpoch, [before.epoch])
  const lost = lostOf(header, Math.max(before.chained, options.eventsSeen?.[target.name] ?? 0))
  const { name, takenAt, goesBackTo, revision } = header
  open.result = { name, takenAt, goesBackTo, epoch: rows[0].epoch, revision, lost }
  await client.query(event, [JSON.stringify({ ...open.result, lost: lost ?? null, chained: header.chained })])
}

const newEpoch = `
UPDATE revision SET epoch = greatest(epoch + 1, $1::bigint + 1, extract(epoch FROM clock_timestamp())::bigint) RETURNING epoch`

const event = `
INSERT INTO audit_events (action, outcome, actor, details) VALUES ('database.restored', 'success', 'rekey', $1)`

function lostOf({ chained }: BackupHeader, seen: number): Restored['lost'] {
  return seen > chained ? { from: chained + 1, to: seen } : undefined
}

async function setSequences(client: ClientBase, { sequences }: BackupHeader): Promise<void> {
  for (const { table, column, value, isCalled } of sequences) {
    const sequence = 'pg_get_serial_sequence(quote_ident($1), $2)::regclass'
    await client.query(`SELECT setval(${sequence}, $3, $4)`, [table, column, value, isCalled])
  }
}
