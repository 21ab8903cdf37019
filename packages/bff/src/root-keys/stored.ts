import { rootIdIn } from '@rekey/database'
import type { Hanging } from '@rekey/service'
import { sql } from 'kysely'
import type { BffDatabase } from '../tables.ts'

/** What is stored that was sealed under each root key, by its id: secrets of the own keyrings, and the tokens of sessions. */
export async function storedUnder(db: BffDatabase): Promise<Record<string, Hanging>> {
  const { rows } = await sql<Hanging & { id: string }>`
    SELECT ${rootIdIn('sealed')} AS id, count(*) AS sealed, count(*) FILTER (WHERE is_key) AS keys FROM (
      SELECT version ->> 'sealedPrivate', true FROM keyrings, jsonb_array_elements(document -> 'versions') AS version
      UNION ALL SELECT sealed_tokens, false FROM sessions WHERE expires_at > now()
    ) AS all_of_them (sealed, is_key) WHERE sealed IS NOT NULL GROUP BY 1`.execute(db)
  return Object.fromEntries(rows.map(({ id, ...hanging }) => [id, hanging]))
}
