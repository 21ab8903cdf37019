import { type Change, type Keyring, type KeyringStore, nextDecisionAt, stamp } from '@rekey/keyring'
import { type Kysely, sql, type Transaction } from 'kysely'
import { recordEvent } from '../audit/record.ts'
import { lockName } from '../changes/lock.ts'
import { recordChange } from '../changes/record.ts'
import type { DatabaseTables } from '../tables.ts'

/** The topic under which a saved keyring is announced to the instances; the key is its name. */
export const keyringTopic = 'keyring'

/**
 * Keyrings as rows. A keyring's revision is the revision of the whole database at which it was saved, so an instance or a
 * verifier that has applied a revision has applied every keyring saved up to it. Each save carries its audit event.
 */
export function databaseKeyringStore<T extends DatabaseTables>(database: Kysely<T>): KeyringStore {
  const db = database as unknown as Kysely<DatabaseTables>
  return {
    load: async (name) => {
      const row = await db.selectFrom('keyrings').select('document').where('name', '=', name).executeTakeFirst()
      return row?.document as Keyring | undefined
    },
    list: async () => {
      // As the other stores sort, whatever collation the database was made with.
      const byName = sql`name COLLATE "C"`
      const rows = await db.selectFrom('keyrings').select('document').orderBy(byName).execute()
      return rows.map((row) => row.document as unknown as Keyring)
    },
    due: async (now) => {
      const due = db
        .selectFrom('keyrings')
        .select('name')
        .where('next_decision_at', '<=', sql<number>`to_timestamp(${now / 1_000})`)
      return (await due.execute()).map((row) => row.name)
    },
    save: (previous, next, change) =>
      db.transaction().execute((transaction) => save(transaction, previous, next, change)),
    now: () => databaseNow(db),
  }
}

/** The clock of the database, in milliseconds since the epoch: instances may disagree about the time, it does not. */
export async function databaseNow<T extends DatabaseTables>(db: Kysely<T>): Promise<number> {
  const { rows } = await sql<{ now: number }>`SELECT clock_timestamp() AS now`.execute(db)
  return rows[0]?.now ?? Number.NaN
}

async function save(
  transaction: Transaction<DatabaseTables>,
  previous: Keyring | undefined,
  next: Keyring,
  change: Change,
): Promise<Keyring | undefined> {
  // Taken before the counter's lock and held to the end, so that of two writers the second sees what the first wrote.
  const held = await lockRow(transaction, next.name)
  if (held !== previous?.revision) return undefined
  const now = await databaseNow(transaction)
  const keyring = stamp(previous, next, await recordChange(transaction, keyringTopic, next.name))
  await writeRow(transaction, keyring, now)
  await recordEvent(transaction, {
    action: change.action,
    outcome: 'success',
    actor: change.actor,
    details: { keyring: keyring.name, revision: keyring.revision, ...change.details },
  })
  return keyring
}

async function lockRow(transaction: Transaction<DatabaseTables>, name: string): Promise<number | undefined> {
  await lockName(transaction, 'keyring', name)
  const row = await transaction.selectFrom('keyrings').select('revision').where('name', '=', name).executeTakeFirst()
  return row?.revision
}

async function writeRow(transaction: Transaction<DatabaseTables>, keyring: Keyring, now: number): Promise<void> {
  const dueAt = nextDecisionAt(keyring, now)
  const row = {
    revision: keyring.revision,
    published_revision: keyring.publishedRevision,
    document: JSON.stringify(keyring),
    next_decision_at: dueAt === null ? null : new Date(dueAt),
  }
  await transaction
    .insertInto('keyrings')
    .values({ name: keyring.name, kind: keyring.kind, ...row })
    .onConflict((conflict) => conflict.column('name').doUpdateSet(row))
    .execute()
}
