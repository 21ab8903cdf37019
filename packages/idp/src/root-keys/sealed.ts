import { type AuditSigner, newestCheckpoint, rootIdIn } from '@rekey/database'
import { sql } from 'kysely'
import { isReplyKept } from '../http/idempotency.ts'
import type { IdpDatabase } from '../tables.ts'

/** How many things hang on a root key, and how many of them are private halves of keys. */
export interface Hanging {
  sealed: number
  keys: number
}

/**
 * What is stored that was sealed under each root key, by its id: private halves, replies that are still kept, probes, secrets that
 * clients sign by, registration access tokens that nobody has used yet, and what the OpenID provider remembers.
 */
export async function storedUnder(db: IdpDatabase): Promise<Record<string, Hanging>> {
  const { rows } = await sql<Hanging & { id: string }>`
    SELECT ${rootIdIn('sealed')} AS id, count(*) AS sealed, count(*) FILTER (WHERE is_key) AS keys FROM (
      SELECT version ->> 'sealedPrivate', true FROM keyrings, jsonb_array_elements(document -> 'versions') AS version
      UNION ALL SELECT sealed_reply, false FROM idempotent_replies WHERE ${isReplyKept}
      UNION ALL SELECT sealed_probe, false FROM incidents
      UNION ALL SELECT version -> 'publicPart' ->> 'sealedSecret', false
        FROM credentials, jsonb_array_elements(document -> 'versions') AS version
      UNION ALL SELECT sealed_token, false FROM registration_access_tokens
      UNION ALL SELECT sealed, false FROM oidc_state WHERE expires_at > now()
    ) AS all_of_them (sealed, is_key) WHERE sealed IS NOT NULL GROUP BY 1`.execute(db)
  return Object.fromEntries(rows.map(({ id, ...hanging }) => [id, hanging]))
}

/**
 * The same, and the audit: it hangs on the one whose signer signed it last, because only then does a newer signer name it as
 * its predecessor.
 */
export async function sealedUnder(db: IdpDatabase, signer: AuditSigner): Promise<Record<string, Hanging>> {
  const stored = await storedUnder(db)
  const newest = await newestCheckpoint(db, signer)
  const last = signer.all?.().find(({ publicKey }) => newest?.publicKey.equals(publicKey))
  if (!last) return stored
  const { sealed = 0, keys = 0 } = stored[last.rootKey] ?? {}
  return { ...stored, [last.rootKey]: { sealed: sealed + 1, keys } }
}
