import { rootIdIn } from '@rekey/database'
import type { Hanging } from '@rekey/service'
import { sql } from 'kysely'
import { isReplyKept } from '../http/idempotency.ts'
import type { IdpDatabase } from '../tables.ts'

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
