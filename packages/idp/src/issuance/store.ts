import { recordChange, recordEvent } from '@rekey/database'
import { sql, type Transaction } from 'kysely'
import type { IdpDatabase, IdpTables } from '../tables.ts'

/** The topic under which a change of issuance is announced to the instances; the key is the keyring in use. */
export const issuanceTopic = 'issuance'

/** A move of issuance to another keyring that was asked for and is not made yet. */
export interface Move {
  to: string
  /** Milliseconds since the epoch, by the clock of the database. */
  requestedAt: number
  by: string
  /** An operator took it on himself that verifiers and anonymous readers may refuse the tokens. */
  forced: boolean
  reason?: string
}

/** Which keyring's active version signs access tokens. There is one of these in a database. */
export interface Issuance {
  keyring: string
  /** Revision of the database at which it was saved; an instance that has applied that one goes by it. */
  revision: number
  move?: Move
}

/** What a save is about, for the audit. */
export interface IssuanceChange {
  action: 'issuance.requested' | 'issuance.moved' | 'issuance.withdrawn'
  actor: string
  details: Record<string, unknown>
}

/** Makes sure that tokens are issued by some keyring. Any number of instances that start at once do it once. */
export async function ensureIssuance(db: IdpDatabase, keyring: string): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    const made = await transaction
      .insertInto('issuance')
      .values({ keyring, revision: 0, move: null })
      .onConflict((conflict) => conflict.column('one').doNothing())
      .returning('one')
      .executeTakeFirst()
    if (!made) return
    const revision = await recordChange(transaction, issuanceTopic, keyring)
    await transaction.updateTable('issuance').set({ revision }).execute()
    const about = { action: 'issuance.created', actor: 'rekey', details: { keyring, revision } }
    await recordEvent(transaction, { ...about, outcome: 'success' })
  })
}

/** Reads it from the database, where it may be newer than in the memory of this instance. */
export async function loadIssuance(db: IdpDatabase): Promise<Issuance> {
  const row = await db.selectFrom('issuance').select(['keyring', 'revision', 'move']).executeTakeFirst()
  if (!row) throw new Error('the issuance row is missing: no instance was started on this database')
  const { move, ...issuance } = row
  return move ? { ...issuance, move } : issuance
}

/**
 * Saves a change by compare-and-swap on the revision.
 *
 * @param isStillDue asked under the lock that orders all changes: no keyring can change between its answer and the commit
 * @returns the document as stored, or `undefined` when another writer was faster or the change is not due any more
 */
export function saveIssuance(
  db: IdpDatabase,
  previous: Issuance,
  next: Omit<Issuance, 'revision'>,
  change: IssuanceChange,
  isStillDue: (transaction: Transaction<IdpTables>) => Promise<boolean> = async () => true,
): Promise<Issuance | undefined> {
  return db.transaction().execute(async (transaction) => {
    const held = await transaction.selectFrom('issuance').select('revision').forUpdate().executeTakeFirst()
    if (held?.revision !== previous.revision) return undefined
    await sql`SELECT FROM revision FOR UPDATE`.execute(transaction)
    if (!(await isStillDue(transaction))) return undefined
    const revision = await recordChange(transaction, issuanceTopic, next.keyring)
    const move = next.move ? JSON.stringify(next.move) : null
    await transaction.updateTable('issuance').set({ keyring: next.keyring, revision, move }).execute()
    const details = { keyring: next.keyring, revision, ...change.details }
    await recordEvent(transaction, { ...change, details, outcome: 'success' })
    return { ...next, revision }
  })
}
