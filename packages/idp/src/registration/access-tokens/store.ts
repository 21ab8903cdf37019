import { randomBytes } from 'node:crypto'
import { lastMoment } from '@rekey/service'
import { sql, type Transaction } from 'kysely'
import type { AgentStatus } from '../../agents/agent.ts'
import type { Config } from '../../config.ts'
import { hashSecret } from '../../credentials/secret.ts'
import { OAuthError } from '../../error.ts'
import type { IdpDatabase, IdpTables } from '../../tables.ts'

/** A registration access token (RFC 7592) as it stands, and whose it is. */
export interface RegistrationToken {
  hash: Buffer
  clientId: string
  organizationId: string
  status: AgentStatus
  state: 'active' | 'pending' | 'superseded'
  isOver: boolean
}

export interface NewRegistrationToken {
  token: string
  hash: Buffer
}

/** Lets a leaked token be recognised by its shape. */
const registrationTokenPrefix = 'rkr_'

export function newRegistrationToken(): NewRegistrationToken {
  const token = registrationTokenPrefix + randomBytes(32).toString('base64url')
  return { token, hash: hashSecret(token) }
}

/** When a token ends that is issued in this transaction: in SQL, by the clock of the database. */
export function endOfToken({ registrationTokenTtlMs: ttlMs }: Config['oidc']) {
  const last = sql<Date>`to_timestamp(${lastMoment / 1_000})`
  return ttlMs === 0 ? last : sql<Date>`least(now() + ${ttlMs} * interval '1 millisecond', ${last})`
}

export async function findRegistrationToken(db: IdpDatabase, token: string): Promise<RegistrationToken | undefined> {
  const row = await db
    .selectFrom('registration_access_tokens')
    .innerJoin('agents', 'agents.agent_id', 'registration_access_tokens.client_id')
    .select(['token_hash', 'client_id', 'organization_id', 'status', 'state'])
    .select(sql<boolean>`expires_at <= now()`.as('is_over'))
    .where('token_hash', '=', hashSecret(token))
    .executeTakeFirst()
  if (!row) return undefined
  return {
    hash: row.token_hash,
    clientId: row.client_id,
    organizationId: row.organization_id,
    status: row.status as AgentStatus,
    state: row.state,
    isOver: row.is_over,
  }
}

/** The only token of a client from now on. Those that were before are dead, and nobody is suspected who presents one. */
export async function replaceRegistrationTokens(
  transaction: Transaction<IdpTables>,
  settings: Config['oidc'],
  clientId: string,
  { hash }: NewRegistrationToken,
): Promise<{ expiresAt: number }> {
  await transaction.deleteFrom('registration_access_tokens').where('client_id', '=', clientId).execute()
  const { expires_at: expiresAt } = await transaction
    .insertInto('registration_access_tokens')
    .values({ token_hash: hash, client_id: clientId, state: 'active', expires_at: endOfToken(settings) })
    .returning('expires_at')
    .executeTakeFirstOrThrow()
  return { expiresAt }
}

/** The same for whatever may be wrong with it. */
export function notGood(): OAuthError {
  return new OAuthError(
    'invalid_token',
    'the registration access token of this client is required: ask an administrator for a new one',
  )
}
