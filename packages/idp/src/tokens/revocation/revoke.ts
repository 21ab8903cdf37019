import { recordEvent } from '@rekey/database'
import type { Transaction } from 'kysely'
import { operatorOrganization } from '../../agents/organization.ts'
import { hashSecret } from '../../credentials/secret.ts'
import { type DenyRules, denyWithin, mostDenied } from '../../denied/store.ts'
import { IdpError, OAuthError } from '../../error.ts'
import type { IdpDatabase, IdpTables } from '../../tables.ts'
import type { AccessTokenClaims } from '../claims.ts'
import type { Caller } from '../opaque.ts'

/**
 * Clients fill half of the deny-list at most, each a small part of that: the rest is for whoever has an incident to contain.
 * Whoever administers may fill all of it, but for administrators of tenants, who have a larger part.
 */
const mostByClients = mostDenied / 2
const mostByClient = 1_000
const mostByAdministrator = 5_000

/** Who wants a token to end. */
export interface Revoker extends Caller {
  /** An administrator ends the tokens of his organization, a client its own. */
  administers: boolean
}

/**
 * Denies a JWT until it has expired.
 *
 * @param jti of the token
 * @returns the revision by which instances and verifiers know of it
 * @throws OAuthError `temporarily_unavailable` when the client, or all of them, revoked too much: RFC 7009 §2.2.1, the token is still good
 */
export function revokeJwt(db: IdpDatabase, claims: AccessTokenClaims, jti: string, revoker: Revoker): Promise<number> {
  const { clientId: actor } = revoker
  const row = { kind: 'jti', value: jti, issuedBefore: null, endsAt: claims.exp * 1_000 } as const
  return db
    .transaction()
    .execute(async (transaction) => {
      await recordRevoked(transaction, claims, actor, { form: 'jwt', jti })
      return denyWithin(transaction, [row], actor, roomFor(revoker))
    })
    .catch((error: unknown) => {
      if (!(error instanceof IdpError && error.code === 'DENY_LIST_FULL')) throw error
      throw new OAuthError(
        'temporarily_unavailable',
        'too many tokens are revoked at the moment; this one is still good',
      )
    })
}

function roomFor({ administers, clientId: of, organizationId }: Revoker): DenyRules {
  if (!administers) return { most: mostByClients, share: { of, most: mostByClient } }
  return organizationId === operatorOrganization ? {} : { share: { of, most: mostByAdministrator } }
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
