import { recordEvent } from '@rekey/database'
import type { Transaction } from 'kysely'
import { hashSecret } from '../../credentials/secret.ts'
import { denyWithin, mostDenied } from '../../denied/store.ts'
import { IdpError, OAuthError } from '../../error.ts'
import type { IdpDatabase, IdpTables } from '../../tables.ts'
import type { AccessTokenClaims } from '../claims.ts'

/** Clients fill half of the deny-list at most: the rest is for whoever has an incident to contain. */
const mostByClients = mostDenied / 2

/**
 * Denies a JWT until it has expired.
 *
 * @param jti of the token
 * @returns the revision by which instances and verifiers know of it
 * @throws OAuthError `temporarily_unavailable` when clients revoked too much: RFC 7009 §2.2.1, the token is still good
 */
export function revokeJwt(db: IdpDatabase, claims: AccessTokenClaims, jti: string, actor: string): Promise<number> {
  const row = { kind: 'jti', value: jti, issuedBefore: null, endsAt: claims.exp * 1_000 } as const
  return db
    .transaction()
    .execute(async (transaction) => {
      await recordRevoked(transaction, claims, actor, { form: 'jwt', jti })
      return denyWithin(transaction, [row], actor, mostByClients)
    })
    .catch((error: unknown) => {
      if (!(error instanceof IdpError && error.code === 'DENY_LIST_FULL')) throw error
      throw new OAuthError(
        'temporarily_unavailable',
        'too many tokens are revoked at the moment; this one is still good',
      )
    })
}

/** Deletes an opaque token. Every instance reads it at each use. */
export function revokeOpaque(db: IdpDatabase, claims: AccessTokenClaims, token: string, actor: string): Promise<void> {
  return db.transaction().execute(async (transaction) => {
    const deleted = await transaction
      .deleteFrom('opaque_tokens')
      .where('token_hash', '=', hashSecret(token))
      .returning('agent_id')
      .executeTakeFirst()
    if (deleted) await recordRevoked(transaction, claims, actor, { form: 'opaque', scope: claims.scope })
  })
}

function recordRevoked(
  transaction: Transaction<IdpTables>,
  { client_id: agentId, organization_id: organizationId }: AccessTokenClaims,
  actor: string,
  details: Record<string, unknown>,
): Promise<void> {
  return recordEvent(transaction, {
    action: 'token.revoked',
    outcome: 'success',
    actor,
    agentId,
    organizationId,
    details,
  })
}
