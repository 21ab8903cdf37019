import { type Kysely, sql, type Transaction } from 'kysely'
import { type AuditEvent, insertion } from '../audit/record.ts'
import type { DatabaseTables } from '../tables.ts'

/** The channel on which every change announces its revision. The payload is that number and nothing else. */
export const revisionChannel = 'rekey_revision'

/**
 * Writes down, in the transaction of a change, that something changed and wakes every instance when it commits.
 *
 * Call it as late as the transaction allows: it holds the lock that orders all changes.
 *
 * @param topic what sort of thing changed, for example `keyring`
 * @param key which one
 * @param event what the audit is told of it, in the same statement
 * @returns the revision of the change
 */
export async function recordChange<T extends DatabaseTables>(
  transaction: Transaction<T>,
  topic: string,
  key: string,
  event?: AuditEvent,
): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    WITH ${event ? sql`event AS (${insertion(transaction, [event])}),` : sql``}
         bump AS (UPDATE revision SET n = n + 1 RETURNING n),
         logged AS (INSERT INTO changes (revision, topic, key) SELECT n, ${topic}, ${key} FROM bump)
    SELECT n, pg_notify(${revisionChannel}, n::text) FROM bump`.execute(transaction)
  const [row] = rows
  if (!row) throw new Error('the revision row is missing: the schema was not migrated')
  return row.n
}

/**
 * Begins a new epoch behind one that was seen, unless a later one has begun already. The database has not reached what was
 * seen, or nobody is left who could tell: it may be a restored backup, or a replica that lagged when it took over, and its
 * revisions are about to be used a second time. Within an epoch a revision means one thing only.
 */
export async function beginEpoch<T extends DatabaseTables>(db: Kysely<T>, seen: { epoch: number }): Promise<void> {
  await sql`
    UPDATE revision SET epoch = greatest(${seen.epoch}::bigint + 1, extract(epoch FROM clock_timestamp())::bigint)
    WHERE epoch <= ${seen.epoch}`.execute(db)
}

/**
 * Begins a new epoch because somebody claims to hold what this database has not reached. He may be lying: at most one
 * begins so a minute, and what he claims is not taken over.
 */
export async function beginEpochOnClaim<T extends DatabaseTables>(db: Kysely<T>): Promise<void> {
  await sql`
    UPDATE revision SET epoch = extract(epoch FROM clock_timestamp())::bigint
    WHERE epoch < extract(epoch FROM clock_timestamp())::bigint - 60`.execute(db)
}

/** The newest revision of the database, and its epoch. */
export async function currentRevision<T extends DatabaseTables>(db: Kysely<T>): Promise<{ epoch: number; n: number }> {
  const { rows } = await sql<{ epoch: number; n: number }>`SELECT epoch, n FROM revision`.execute(db)
  const [row] = rows
  if (!row) throw new Error('the revision row is missing: the schema was not migrated')
  return row
}
