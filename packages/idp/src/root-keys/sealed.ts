import { type AuditSigner, newestCheckpoint } from '@rekey/database'
import { sql } from 'kysely'
import type { IdpDatabase } from '../tables.ts'

/** How many things are stored that were sealed under each root key, by its id: private halves, replies that are kept for a minute, probes. */
export async function storedUnder(db: IdpDatabase): Promise<Record<string, number>> {
  const { rows } = await sql<{ id: string; count: number }>`
    SELECT split_part(sealed, '.', 2) AS id, count(*) AS count FROM (
      SELECT version ->> 'sealedPrivate' FROM keyrings, jsonb_array_elements(document -> 'versions') AS version
      UNION ALL SELECT sealed_reply FROM idempotent_replies WHERE at > clock_timestamp() - interval '1 minute'
      UNION ALL SELECT sealed_probe FROM incidents
    ) AS all_of_them (sealed) WHERE sealed IS NOT NULL GROUP BY 1`.execute(db)
  return Object.fromEntries(rows.map(({ id, count }) => [id, count]))
}

/** How many private halves of keys were sealed under each root key, by its id. */
export async function keysUnder(db: IdpDatabase): Promise<Record<string, number>> {
  const { rows } = await sql<{ id: string; count: number }>`
    SELECT split_part(version ->> 'sealedPrivate', '.', 2) AS id, count(*) AS count
    FROM keyrings, jsonb_array_elements(document -> 'versions') AS version
    WHERE version ? 'sealedPrivate' GROUP BY 1`.execute(db)
  return Object.fromEntries(rows.map(({ id, count }) => [id, count]))
}

/**
 * The same as `storedUnder`, and the audit: it hangs on the one whose signer signed it last, because only then does a newer signer name it as
 * its predecessor.
 */
export async function sealedUnder(db: IdpDatabase, signer: AuditSigner): Promise<Record<string, number>> {
  const counts = await storedUnder(db)
  const newest = await newestCheckpoint(db, signer)
  const last = signer.all?.().find(({ publicKey }) => newest?.publicKey.equals(publicKey))
  return last ? { ...counts, [last.rootKey]: (counts[last.rootKey] ?? 0) + 1 } : counts
}
