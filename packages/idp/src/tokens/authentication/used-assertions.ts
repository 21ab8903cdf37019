import { sql } from 'kysely'
import { sha256 } from '../../sha256.ts'
import type { IdpDatabase } from '../../tables.ts'

/**
 * Takes down that an assertion was used. What the client calls it is stored as a hash, because a client may call it anything.
 *
 * @param expiresAt milliseconds since the epoch, the tolerance for clocks included
 * @returns false when it was used before, at whichever instance
 */
export async function useOnce(db: IdpDatabase, clientId: string, jti: string, expiresAt: number): Promise<boolean> {
  const { numInsertedOrUpdatedRows: written = 0n } = await db
    .insertInto('used_assertions')
    .values({ client_id: clientId, jti_hash: sha256(jti), expires_at: new Date(expiresAt) })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow()
  return written > 0n
}

/** Deletes what has expired by the clock of every instance: none is ten minutes behind the database. */
export async function pruneUsedAssertions(db: IdpDatabase): Promise<void> {
  await sql`DELETE FROM used_assertions WHERE expires_at < now() - interval '10 minutes'`.execute(db)
}
