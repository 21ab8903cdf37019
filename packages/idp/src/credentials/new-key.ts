import type { ClientMaterial } from '@rekey/keyring'
import { type SqlBool, sql, type Transaction } from 'kysely'
import { IdpError } from '../error.ts'
import type { IdpTables } from '../tables.ts'
import { membersOf } from './key.ts'

/**
 * A key that was retired or revoked would be alive again by another name or in another credential, and one `kid` would name
 * several keys that are tried. Keys are compared by the members of RFC 7638; they are stored in one spelling. The caller holds the
 * agent's lock.
 *
 * @param credentialId where the key is to go
 * @throws IdpError `ALREADY_EXISTS` for a key that the agent has or had, or a `kid` of an active credential or of this one
 */
export async function requireNewKey(
  transaction: Transaction<IdpTables>,
  { agentId, credentialId }: { agentId: string; credentialId: string },
  { id: kid, publicPart }: ClientMaterial,
): Promise<void> {
  const holds = (version: object) => sql<SqlBool>`document @> ${JSON.stringify({ versions: [version] })}::jsonb`
  const found = await transaction
    .selectFrom('credentials')
    .select('credential_id')
    .where('agent_id', '=', agentId)
    .where('kind', '=', 'client-key')
    .where((of) =>
      of.or([
        holds({ publicPart: membersOf(publicPart) }),
        of.and([of.or([of('credential_id', '=', credentialId), of('status', '=', 'active')]), holds({ id: kid })]),
      ]),
    )
    .limit(1)
    .executeTakeFirst()
  if (found) throw new IdpError('ALREADY_EXISTS', 'jwk: the agent has, or had, this key or one of this kid')
}
