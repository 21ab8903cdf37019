import type { ClientKeyring, Evidence } from '@rekey/keyring'
import { sql } from 'kysely'
import type { IdpDatabase } from '../tables.ts'
import { credentialIdOf } from './stored.ts'

/** What was seen of a credential's use. Nobody else is a party to it. */
export async function usesOf(db: IdpDatabase, { name }: Pick<ClientKeyring, 'name'>): Promise<Evidence> {
  const { rows } = await sql<{ version: string; firstAt: number; lastAt: number }>`
    SELECT version, min(first_at) AS "firstAt", max(last_at) AS "lastAt" FROM credential_uses
    WHERE credential_id = ${credentialIdOf(name)} GROUP BY version`.execute(db)
  const uses = new Map(rows.map(({ version, ...use }) => [version, use]))
  return { instances: [], verifiers: [], uses }
}
