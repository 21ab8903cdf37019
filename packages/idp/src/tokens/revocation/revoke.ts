import { recordEvent } from '@rekey/database'
import type { Transaction } from 'kysely'
import { operatorOrganization } from '../../agents/organization.ts'
import { hashSecret } from '../../credentials/secret.ts'
import { roomOfClient, roomOfTenant } from '../../denied/room.ts'
import { type DenyRules, denyWithin } from '../../denied/store.ts'
import { IdpError, OAuthError } from '../../error.ts'
import type { IdpDatabase, IdpTables } from '../../tables.ts'
import type { AccessTokenClaims } from '../claims.ts'
import type { Caller } from '../opaque.ts'

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

function roomFor({ administers, clientId, organizationId }: Revoker): DenyRules {
  if (!administers) return roomOfClient(clientId)
  return organizationId === operatorOrganization ? {} : roomOfTenant(clientId)
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

/** Of a token that the OpenID provider kept, and keeps no more. */
export function recordKept(db: IdpDatabase, claims: AccessTokenClaims, actor: string): Promise<void> {
  const form = claims.token_type === 'refresh_token' ? 'refresh' : 'opaque'
  return db
    .transaction()
    .execute((transaction) => recordRevoked(transaction, claims, actor, { form, scope: claims.scope, sub: claims.sub }))
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
